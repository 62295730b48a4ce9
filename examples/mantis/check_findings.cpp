// SPDX-License-Identifier: BSL-1.0
#include "check_findings.hpp"
#include "key_id.hpp"

namespace tool {

namespace {

using mantis::bytes_view;
using mantis::error_code;

// Damage, or what cannot be judged because it cannot be read.
exit_code code_of(error_code why) noexcept {
    const bool damage = why == error_code::corrupt || why == error_code::not_found;
    return damage ? exit_code::damaged : exit_code::failed;
}

std::string line_of(const check_finding& what) {
    std::string line = what.kind.as<std::string>() + ":";
    const auto add = [&](const char* name, std::uint64_t value) {
        if (value != 0) line += std::string{" "} + name + "=" + std::to_string(value);
    };
    if (!what.file.empty())
        line += " " + what.file.as<std::string>() + " offset=" + std::to_string(what.offset);
    add("lsn", what.lsn);
    add("end_lsn", what.end_lsn);
    add("page", what.page);
    add("table", what.table);
    if (!what.name.empty()) line += " [" + what.name.as<std::string>() + "]";
    if (!what.key.empty()) {
        mantis::bson_writer key;
        add_key(key, what.key);
        line += " " + mantis::to_json(mantis::bson_view{key.finish()}).as<std::string>();
    }
    return what.problem.empty() ? line : line + ": " + what.problem;
}

}  // namespace

void check_findings::add(check_finding what, exit_code code) {
    add_untold(1, code);
    keep(std::move(what));
}

void check_findings::add_untold(std::uint64_t count, exit_code code) noexcept {
    if (count == 0) return;
    count_ += count;
    if (worst_ == exit_code::done || code == exit_code::damaged) worst_ = code;
}

void check_findings::add_harmless(check_finding what) {
    ++harmless_;
    keep(std::move(what));
}

void check_findings::add(const mantis::scrub_finding& what) {
    check_finding made;
    made.kind = bytes_view{name_of(what.kind)};
    made.file = what.file;
    made.offset = what.offset;
    made.lsn = what.begin.value;
    if (what.end > what.begin) made.end_lsn = what.end.value;
    if (what.kind == mantis::scrub_kind::harmless) return add_harmless(std::move(made));
    add(std::move(made),
        what.kind == mantis::scrub_kind::unreadable ? exit_code::failed : exit_code::damaged);
}

void check_findings::add(const mantis::page_damage& what) {
    check_finding made;
    const exit_code code =
        what.code == error_code::mismatch ? exit_code::damaged : code_of(what.code);
    made.kind = what.code == error_code::not_found ? "missing"
                : code == exit_code::damaged       ? "damaged"
                                                   : "unreadable";
    made.file = what.file;
    made.offset = what.offset;
    made.page = what.page.value;
    made.table = what.table.value;
    add(std::move(made), code);
}

void check_findings::add(const char* kind, const mantis::error& why) {
    check_finding made;
    const bool bytes_differ = code_of(why.code()) == exit_code::damaged;
    made.kind = bytes_differ ? bytes_view{kind} : "unreadable";
    made.offset = number_of(why, "offset");
    made.lsn = number_of(why, "lsn");
    made.page = number_of(why, "page");
    made.table = number_of(why, "table");
    made.problem = sentence_of(why);
    add(std::move(made), code_of(why.code()));
}

void check_findings::describe(mantis::bson_writer& to) const {
    add_number(to, "findings", count_);
    add_number(to, "harmless", harmless_);
    to.begin_array("found");
    for (const check_finding& each : kept_) {
        to.push_document().add("kind", each.kind);
        const auto add = [&](const char* name, std::uint64_t value) {
            if (value != 0) add_number(to, name, value);
        };
        if (!each.file.empty()) {
            to.add("file", each.file.view());
            add_number(to, "offset", each.offset);
        }
        add("lsn", each.lsn);
        add("end_lsn", each.end_lsn);
        add("page", each.page);
        add("table", each.table);
        if (!each.name.empty()) to.add("name", each.name.view());
        if (!each.key.empty()) add_key(to, each.key);
        if (!each.problem.empty()) to.add("problem", bytes_view{each.problem});
        to.end();
    }
    to.end();
}

exit_code check_findings::complain() const {
    for (const check_finding& each : kept_)
        if (each.kind != "harmless" && each.kind != "leaked")
            (void)tool::complain(worst_, line_of(each));
    return worst_;
}

}  // namespace tool
