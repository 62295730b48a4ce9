// SPDX-License-Identifier: BSL-1.0
//
// One entry of the in-memory B+tree: version, key and value in a single allocation, so that a
// look-up that has found the entry has fetched all of it.
//
//   offset   0         8           12            16     16 + key_size
//            version   key_size    value_size    key    value
#pragma once

#include "../../core/bytes.hpp"
#include "../../core/check.hpp"
#include "../../core/ids.hpp"

#include <new>

namespace mantis::detail {

// What the system's allocator takes for a request of `size` bytes: a header of eight, rounded up to
// sixteen.
[[nodiscard]] constexpr std::size_t allocated_bytes(std::size_t size) noexcept {
    const std::size_t rounded = (size + 8 + 15) / 16 * 16;
    return size == 0 ? 0 : rounded < 32 ? 32 : rounded;
}

class record {
public:
    static constexpr std::size_t max_part_bytes = 0xffff'ffff;

    //   Requires    key and value of at most max_part_bytes each
    [[nodiscard]] static record* make(bytes_view key, bytes_view value, lsn version) {
        check(key.size() <= max_part_bytes, "index: a key of 4 GiB or more");
        check(value.size() <= max_part_bytes, "index: a value of 4 GiB or more");
        void* const memory = ::operator new(sizeof(record) + key.size() + value.size());
        record* const made = ::new (memory) record{key.size(), value.size(), version};
        copy(made->contents(), key);
        copy(made->contents() + key.size(), value);
        return made;
    }
    static void destroy(record* made) noexcept { ::operator delete(made); }

    [[nodiscard]] bytes_view key() const noexcept { return {contents(), key_size_}; }
    [[nodiscard]] bytes_view value() const noexcept {
        return {contents() + key_size_, value_size_};
    }
    [[nodiscard]] lsn version() const noexcept { return version_; }
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        return allocated_bytes(sizeof(record) + key_size_ + value_size_);
    }

    //   Requires    value.size() == this->value().size()
    void overwrite(bytes_view value, lsn version) noexcept {
        copy(contents() + key_size_, value);
        version_ = version;
    }

    record(const record&) = delete;
    record& operator=(const record&) = delete;

private:
    record(std::size_t key_size, std::size_t value_size, lsn version) noexcept
        : version_{version},
          key_size_{static_cast<std::uint32_t>(key_size)},
          value_size_{static_cast<std::uint32_t>(value_size)} {}
    ~record() = default;

    // memmove: the new value may be a view of the old one.
    static void copy(std::byte* into, bytes_view from) noexcept {
        if (!from.empty()) std::memmove(into, from.data(), from.size());
    }
    [[nodiscard]] std::byte* contents() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
    [[nodiscard]] const std::byte* contents() const noexcept {
        return reinterpret_cast<const std::byte*>(this + 1);
    }

    lsn version_;
    std::uint32_t key_size_;
    std::uint32_t value_size_;
};

static_assert(sizeof(record) == 16);

}  // namespace mantis::detail
