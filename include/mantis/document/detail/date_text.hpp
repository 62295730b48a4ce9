// SPDX-License-Identifier: BSL-1.0
//
// Dates between milliseconds since 1970 and ISO 8601 text: "2026-01-02T03:04:05.678Z".
//
// Read: YYYY-MM-DD, or with THH:MM or THH:MM:SS and then Z or an offset (+HH:MM, +HHMM); seconds
// may have a fraction, of which three digits count. A date alone is midnight UTC. Written: always
// UTC, with seconds, the fraction only when it is not zero.
//
//   Source      the calendar arithmetic counts days in 400-year eras that start on 1 March, so that
//               the leap day is last
#pragma once

#include "../bson_view.hpp"

namespace mantis::detail {

struct civil_date {
    std::int64_t year = 0;
    unsigned month = 0;
    unsigned day = 0;
};

[[nodiscard]] constexpr std::int64_t days_from_civil(civil_date date) noexcept {
    const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
    const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
    const std::int64_t year_of_era = year - era * 400;
    const std::int64_t month = date.month > 2 ? date.month - 3 : date.month + 9;
    const std::int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

[[nodiscard]] constexpr civil_date civil_from_days(std::int64_t days) noexcept {
    days += 719468;
    const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    const std::int64_t day_of_era = days - era * 146097;
    const std::int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const std::int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t month = (5 * day_of_year + 2) / 153;
    const std::int64_t calendar_month = month < 10 ? month + 3 : month - 9;
    return {year_of_era + era * 400 + (calendar_month <= 2 ? 1 : 0),
            static_cast<unsigned>(calendar_month),
            static_cast<unsigned>(day_of_year - (153 * month + 2) / 5 + 1)};
}

[[nodiscard]] constexpr unsigned days_in_month(civil_date date) noexcept {
    constexpr unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
    return date.month == 2 && leap ? 29 : days[date.month - 1];
}

class date_text_reader {
public:
    explicit date_text_reader(bytes_view text) noexcept : rest_{text} {}

    [[nodiscard]] bool read(date_time& into) noexcept {
        civil_date date;
        std::int64_t year = 0;
        std::int64_t month = 0;
        std::int64_t day = 0;
        if (!number(4, year) || !take('-') || !number(2, month) || !take('-') || !number(2, day))
            return false;
        if (month < 1 || month > 12) return false;
        date = {year, static_cast<unsigned>(month), static_cast<unsigned>(day)};
        if (day < 1 || date.day > days_in_month(date)) return false;
        std::int64_t time_ms = 0;
        if (!rest_.empty() && !time(time_ms)) return false;
        into = {days_from_civil(date) * 86'400'000 + time_ms};
        return rest_.empty();
    }

private:
    [[nodiscard]] bool time(std::int64_t& into) noexcept {
        std::int64_t hour = 0;
        std::int64_t minute = 0;
        std::int64_t second = 0;
        std::int64_t fraction_ms = 0;
        std::int64_t offset_minutes = 0;
        if (!take('T') || !number(2, hour) || !take(':') || !number(2, minute)) return false;
        if (take(':') && (!number(2, second) || (take('.') && !fraction(fraction_ms))))
            return false;
        if (hour > 23 || minute > 59 || second > 59 || !zone(offset_minutes)) return false;
        into = ((hour * 60 + minute - offset_minutes) * 60 + second) * 1000 + fraction_ms;
        return true;
    }
    [[nodiscard]] bool zone(std::int64_t& offset_minutes) noexcept {
        if (take('Z')) return true;
        const bool west = take('-');
        std::int64_t hours = 0;
        std::int64_t minutes = 0;
        if (!west && !take('+')) return false;
        if (!number(2, hours)) return false;
        take(':');
        if (!number(2, minutes) || hours > 23 || minutes > 59) return false;
        offset_minutes = (west ? -1 : 1) * (hours * 60 + minutes);
        return true;
    }
    [[nodiscard]] bool fraction(std::int64_t& milliseconds) noexcept {
        std::size_t digits = 0;
        std::int64_t digit = 0;
        for (std::int64_t weight = 100; number(1, digit); weight /= 10, ++digits)
            milliseconds += digit * weight;
        return digits != 0;
    }
    [[nodiscard]] bool number(std::size_t digits, std::int64_t& into) noexcept {
        if (rest_.size() < digits) return false;
        std::int64_t sum = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            const unsigned digit = std::to_integer<unsigned>(rest_[i]) - '0';
            if (digit > 9) return false;
            sum = sum * 10 + digit;
        }
        into = sum;
        rest_ = rest_.from(digits);
        return true;
    }
    bool take(char wanted) noexcept {
        if (rest_.empty() || rest_[0] != static_cast<std::byte>(wanted)) return false;
        rest_ = rest_.from(1);
        return true;
    }

    bytes_view rest_;
};

//   Returns     false when `text` is not such a date; `into` is then unchanged
[[nodiscard]] inline bool read_date(bytes_view text, date_time& into) noexcept {
    return date_text_reader{text}.read(into);
}

inline void append_digits(bytes& to, std::uint64_t value, std::size_t digits) {
    char text[20];
    for (std::size_t at = digits; at-- > 0; value /= 10)
        text[at] = static_cast<char>('0' + value % 10);
    to.append({text, digits});
}

//   Returns     false when the year does not have four digits; nothing is then appended
[[nodiscard]] inline bool append_date(bytes& to, date_time date) {
    constexpr std::int64_t day_ms = 86'400'000;
    std::int64_t days = date.milliseconds / day_ms;
    std::int64_t left = date.milliseconds % day_ms;
    if (left < 0) left += day_ms, --days;
    const civil_date civil = civil_from_days(days);
    if (civil.year < 0 || civil.year > 9999) return false;
    const auto ms = static_cast<std::uint64_t>(left);
    append_digits(to, static_cast<std::uint64_t>(civil.year), 4);
    to.push_back('-');
    append_digits(to, civil.month, 2);
    to.push_back('-');
    append_digits(to, civil.day, 2);
    to.push_back('T');
    append_digits(to, ms / 3'600'000, 2);
    to.push_back(':');
    append_digits(to, ms / 60'000 % 60, 2);
    to.push_back(':');
    append_digits(to, ms / 1000 % 60, 2);
    if (ms % 1000 != 0) {
        to.push_back('.');
        append_digits(to, ms % 1000, 3);
    }
    to.push_back('Z');
    return true;
}

}  // namespace mantis::detail
