// SPDX-License-Identifier: BSL-1.0
//
// Rows copied out of an index, one behind the other in one piece of memory.
//
//   batch.add(key, value, version); ...
//   for (; !batch.done(); batch.advance()) use(batch.row());
//
// An index that copies its entries itself puts them where they stay:
//
//   std::byte* const into = batch.room(64);       // memory that nobody has cleared
//   ...                                           // a key, and its value right behind it
//   batch.note(into + 6, key_bytes, value_bytes, version);
//
// Threads: like an int.
#pragma once

#include "../core/bytes.hpp"
#include "../core/ids.hpp"

#include <vector>

namespace mantis {

struct batch_row {
    bytes_view key;
    bytes_view value;
    lsn version;
};

class row_batch {
public:
    static constexpr std::size_t max_part_bytes = 0xffff'ffff;

    //   Requires    key and value of at most max_part_bytes each
    //   Effects     behind the others; those that were handed out are no more valid
    void add(bytes_view key, bytes_view value, lsn version) {
        check(key.size() <= max_part_bytes && value.size() <= max_part_bytes,
              "a batch of rows: a key or a value of 4 GiB or more");
        std::byte* const into = room(key.size() + value.size());
        if (!key.empty()) std::memcpy(into, key.data(), key.size());
        if (!value.empty()) std::memcpy(into + key.size(), value.data(), value.size());
        note(into, key.size(), value.size(), version);
    }
    //   Effects     those that were handed out are no more valid
    //   Returns     where so many bytes may be written behind all rows, until the next call
    [[nodiscard]] std::byte* room(std::size_t size) {
        if (size > memory_.capacity() - used_) grow(size);
        return memory_.data() + used_;
    }
    //   Requires    `key` is in what room() returned, and the value follows it there
    //   Effects     they are a row behind the others
    void note(const std::byte* key, std::size_t key_bytes, std::size_t value_bytes, lsn version) {
        const auto at = static_cast<std::size_t>(key - memory_.data());
        places_.push_back({at, static_cast<std::uint32_t>(key_bytes),
                           static_cast<std::uint32_t>(value_bytes), version});
        used_ = at + key_bytes + value_bytes;
    }
    //   Effects     only the first `count` are left
    void cut(std::size_t count) noexcept {
        if (count >= places_.size()) return;
        used_ = places_[count].at;
        places_.resize(count);
    }
    void clear() noexcept {
        places_.clear();
        used_ = 0;
        at_ = 0;
    }

    [[nodiscard]] std::size_t count() const noexcept { return places_.size(); }
    // Keys and values, and what is noted of them.
    [[nodiscard]] std::size_t held_bytes() const noexcept {
        return used_ + places_.size() * sizeof(place);
    }
    //   Requires    at < count()
    [[nodiscard]] batch_row row(std::size_t at) const noexcept {
        const place& here = places_[at];
        const std::byte* const key = memory_.data() + here.at;
        return {{key, here.key_bytes}, {key + here.key_bytes, here.value_bytes}, here.version};
    }
    //   Returns     the newest version of all rows
    [[nodiscard]] lsn newest() const noexcept {
        lsn newest;
        for (const place& each : places_)
            if (each.version > newest) newest = each.version;
        return newest;
    }

    // Going over them, once.
    [[nodiscard]] bool done() const noexcept { return at_ == places_.size(); }
    //   Requires    !done()
    //   Returns     valid until add(), room(), clear() or the end of the batch
    [[nodiscard]] batch_row row() const noexcept { return row(at_); }
    //   Requires    !done()
    void advance() noexcept { ++at_; }

private:
    struct place {
        std::size_t at;  // of the key
        std::uint32_t key_bytes;
        std::uint32_t value_bytes;
        lsn version;
    };
    static constexpr std::size_t least_bytes = 4096;

    void grow(std::size_t more) {
        check(more <= PTRDIFF_MAX - used_, "a batch of rows: longer than an object may be");
        const std::size_t twice = memory_.capacity() * 2;
        const std::size_t doubled = twice > least_bytes ? twice : least_bytes;
        bytes larger;
        larger.reserve(doubled > used_ + more ? doubled : used_ + more);
        if (used_ != 0) std::memcpy(larger.data(), memory_.data(), used_);
        memory_.swap(larger);
        if (places_.capacity() == 0) places_.reserve(least_bytes / 128);
    }

    bytes memory_;  // what counts is used_: it is not cleared
    std::size_t used_ = 0;
    std::vector<place> places_;
    std::size_t at_ = 0;
};

}  // namespace mantis
