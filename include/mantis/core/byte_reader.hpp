// SPDX-License-Identifier: BSL-1.0
//
// Reads a run of bytes from the front, never past its end: the decoder under every record and page
// format.
//
// Each read answers whether it could; one that could not changes neither the reader nor its
// argument, so a caller may say where it stopped. Nothing is copied: views point into what the
// reader was made from.
//
// Threads: like an int: any number of readers of a const one, or one caller.
#pragma once

#include "bytes.hpp"
#include "endian.hpp"
#include "varint.hpp"

namespace mantis {

class byte_reader {
public:
    byte_reader() noexcept = default;
    explicit byte_reader(bytes_view from) noexcept : from_{from} {}

    [[nodiscard]] bool read_u8(std::uint8_t& value) noexcept { return read_le(value); }

    //   Returns     false when fewer than sizeof(T) bytes remain
    template <std::unsigned_integral T>
    [[nodiscard]] bool read_le(T& value) noexcept {
        if (remaining() < sizeof(T)) return false;
        value = mantis::load_le<T>(from_.data() + position_);
        position_ += sizeof(T);
        return true;
    }

    //   Returns     false when the varint is cut short, over-long or over 64 bits
    [[nodiscard]] bool read_varint(std::uint64_t& value) noexcept {
        const std::size_t taken = load_varint(rest(), value);
        position_ += taken;
        return taken != 0;
    }

    //   Returns     false when fewer than `size` bytes remain
    [[nodiscard]] bool read_bytes(std::size_t size, bytes_view& into) noexcept {
        if (remaining() < size) return false;
        into = from_.part(position_, size);
        position_ += size;
        return true;
    }

    // A varint length, then that many bytes.
    [[nodiscard]] bool read_sized(bytes_view& into) noexcept {
        std::uint64_t size = 0;
        const std::size_t taken = load_varint(rest(), size);
        if (taken == 0 || remaining() - taken < size) return false;
        position_ += taken;
        return read_bytes(static_cast<std::size_t>(size), into);
    }

    //   Returns     false when fewer than `size` bytes remain
    [[nodiscard]] bool skip(std::size_t size) noexcept {
        bytes_view passed;
        return read_bytes(size, passed);
    }

    [[nodiscard]] std::size_t position() const noexcept { return position_; }
    [[nodiscard]] std::size_t remaining() const noexcept { return from_.size() - position_; }
    [[nodiscard]] bool empty() const noexcept { return remaining() == 0; }
    [[nodiscard]] bytes_view rest() const noexcept { return from_.from(position_); }

private:
    bytes_view from_;
    std::size_t position_ = 0;
};

// What read_sized reads.
inline void append_sized(bytes& to, bytes_view value) {
    append_varint(to, value.size());
    to.append(value);
}

}  // namespace mantis
