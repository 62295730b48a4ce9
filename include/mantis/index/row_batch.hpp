// SPDX-License-Identifier: BSL-1.0
//
// Rows copied out of an index, one behind the other in one piece of memory.
//
//   batch.add(key, value, version); ...
//   for (; !batch.done(); batch.advance()) use(batch.row());
//
//   byte    0        8          12            24
//           version  key bytes  value bytes   key, value    the next row
//
// An index that copies its entries itself puts them where they stay, through an appender.
//
// Threads: like an int.
#pragma once

#include "../core/bytes.hpp"
#include "../core/ids.hpp"

namespace mantis {

struct batch_row {
    bytes_view key;
    bytes_view value;
    lsn version;
};

class row_batch {
    struct head {
        std::uint64_t version;
        std::uint32_t key_bytes;
        std::uint32_t value_bytes;
        std::uint64_t unused;
    };

public:
    static constexpr std::size_t max_part_bytes = 0xffff'ffff;
    // What is noted of a row, before its key.
    static constexpr std::size_t head_bytes = sizeof(head);
    static_assert(head_bytes == 24);

    // Where a row begins, or the rows end.
    struct mark {
        std::size_t at = 0;
        [[nodiscard]] friend bool operator==(mark, mark) noexcept = default;
    };

    // Puts rows behind those of a batch; they count from its end on, and the batch is not used
    // meanwhile.
    class appender {
    public:
        explicit appender(row_batch& into) noexcept
            : into_{into},
              memory_{into.memory_.data()},
              capacity_{into.memory_.capacity()},
              now_{into.end_} {}
        appender(const appender&) = delete;
        appender& operator=(const appender&) = delete;
        ~appender() { into_.end_ = now_; }

        [[nodiscard]] std::size_t held_bytes() const noexcept { return now_.at; }
        //   Returns     where a key and its value may be written, `size` bytes together; the
        //               head_bytes before it are nobody's, too, until note()
        [[nodiscard]] std::byte* room(std::size_t size) {
            if (head_bytes + size > capacity_ - now_.at) grow(head_bytes + size);
            return memory_ + now_.at + head_bytes;
        }
        //   Requires    room() has the key, and behind it the value
        void note(std::size_t key_bytes, std::size_t value_bytes, lsn version) noexcept {
            std::byte* const own = memory_ + now_.at;
            const auto key = static_cast<std::uint32_t>(key_bytes);
            const auto value = static_cast<std::uint32_t>(value_bytes);
            std::memcpy(own + offsetof(head, version), &version.value, sizeof version.value);
            std::memcpy(own + offsetof(head, key_bytes), &key, sizeof key);
            std::memcpy(own + offsetof(head, value_bytes), &value, sizeof value);
            now_.at += head_bytes + key_bytes + value_bytes;
        }
        [[nodiscard]] mark end() const noexcept { return now_; }
        //   Requires    a row begins there
        [[nodiscard]] batch_row row(mark at) const noexcept { return row_in(memory_ + at.at); }

    private:
        void grow(std::size_t more) {
            into_.grow(now_.at, more);
            memory_ = into_.memory_.data();
            capacity_ = into_.memory_.capacity();
        }

        row_batch& into_;
        std::byte* memory_;
        std::size_t capacity_;
        mark now_;
    };

    //   Requires    key and value of at most max_part_bytes each
    //   Effects     behind the others; those that were handed out are no more valid
    void add(bytes_view key, bytes_view value, lsn version) {
        check(key.size() <= max_part_bytes && value.size() <= max_part_bytes,
              "a batch of rows: a key or a value of 4 GiB or more");
        appender to{*this};
        std::byte* const into = to.room(key.size() + value.size());
        if (!key.empty()) std::memcpy(into, key.data(), key.size());
        if (!value.empty()) std::memcpy(into + key.size(), value.data(), value.size());
        to.note(key.size(), value.size(), version);
    }
    //   Requires    the rows have ended there, and none was handed out that is behind it
    //   Effects     those behind it are gone
    void cut(mark at) noexcept { end_ = at; }
    void clear() noexcept { end_ = at_ = {}; }

    // Keys and values, and what is noted of them.
    [[nodiscard]] std::size_t held_bytes() const noexcept { return end_.at; }
    [[nodiscard]] mark end() const noexcept { return end_; }
    //   Requires    a row begins there
    [[nodiscard]] batch_row row(mark at) const noexcept { return row_in(memory_.data() + at.at); }
    //   Complexity  linear, so the next
    [[nodiscard]] std::size_t count() const noexcept {
        std::size_t seen = 0;
        for (mark at; at != end_; at = behind(at)) ++seen;
        return seen;
    }
    //   Returns     the newest version of all rows
    [[nodiscard]] lsn newest() const noexcept {
        lsn newest;
        for (mark at; at != end_; at = behind(at))
            if (const lsn own = row(at).version; own > newest) newest = own;
        return newest;
    }

    // Going over them, once.
    [[nodiscard]] bool done() const noexcept { return at_ == end_; }
    //   Requires    !done()
    //   Returns     valid until add(), cut(), clear() or the end of the batch
    [[nodiscard]] batch_row row() const noexcept { return row(at_); }
    //   Requires    !done()
    void advance() noexcept { at_ = behind(at_); }

private:
    static constexpr std::size_t least_bytes = 4096;

    [[nodiscard]] static head head_in(const std::byte* at) noexcept {
        head own{};
        std::memcpy(&own, at, offsetof(head, unused));
        return own;
    }
    [[nodiscard]] mark behind(mark at) const noexcept {
        const head own = head_in(memory_.data() + at.at);
        return {at.at + head_bytes + own.key_bytes + own.value_bytes};
    }
    [[nodiscard]] static batch_row row_in(const std::byte* at) noexcept {
        const head own = head_in(at);
        const std::byte* const key = at + head_bytes;
        return {{key, own.key_bytes}, {key + own.key_bytes, own.value_bytes}, lsn{own.version}};
    }
    //   Effects     there is room for `more` bytes behind the first `used`, which stay
    [[gnu::noinline]] void grow(std::size_t used, std::size_t more) {
        check(more <= PTRDIFF_MAX - used, "a batch of rows: longer than an object may be");
        const std::size_t twice = memory_.capacity() * 2;
        const std::size_t wanted = twice > least_bytes ? twice : least_bytes;
        bytes larger;
        larger.reserve(wanted > used + more ? wanted : used + more);
        if (used != 0) std::memcpy(larger.data(), memory_.data(), used);
        memory_.swap(larger);
    }

    bytes memory_;  // as far as end_ says; it is not cleared
    mark end_;
    mark at_;  // the row that comes next
};

}  // namespace mantis
