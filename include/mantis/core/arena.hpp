// SPDX-License-Identifier: BSL-1.0
//
// Memory for many small things that go together: handed out piece by piece from a few large chunks,
// given back all at once.
//
//   arena held;
//   bytes_view kept = held.copy(key);     // valid until held.clear() or its end
//
// Invariants:
//   1. pieces do not move; moving the arena moves the chunks with all pieces in place
//   2. what is allocated is less than twice the pieces, each rounded up, plus one chunk
//
// Threads: like an int.
#pragma once

#include "bytes.hpp"

#include <new>

namespace mantis {

class arena {
public:
    // All of a chunk; allocators keep small ones ready for each thread.
    static constexpr std::size_t first_chunk_bytes = 1024;
    static constexpr std::size_t largest_chunk_bytes = 64 * 1024;
    static constexpr std::size_t alignment = alignof(std::max_align_t);

    arena() noexcept = default;
    arena(arena&& other) noexcept { swap(other); }
    arena& operator=(arena&& other) noexcept {
        arena taken{std::move(other)};
        swap(taken);
        return *this;
    }
    ~arena() { clear(); }

    void swap(arena& other) noexcept {
        std::swap(newest_, other.newest_);
        std::swap(at_, other.at_);
        std::swap(left_, other.left_);
        std::swap(next_chunk_bytes_, other.next_chunk_bytes_);
    }

    //   Returns     memory for any type, valid until clear()
    [[nodiscard]] void* allocate(std::size_t size) {
        check(size <= PTRDIFF_MAX - 2 * alignment, "arena: longer than an object may be");
        size = (size + alignment - 1) / alignment * alignment;
        if (size > left_) {
            if (size > largest_chunk_bytes / 4) return add_chunk(size);  // one of its own
            while (next_chunk_bytes_ < size * 4) next_chunk_bytes_ *= 2;
            left_ = next_chunk_bytes_ - sizeof(chunk);
            at_ = add_chunk(left_);
            if (next_chunk_bytes_ < largest_chunk_bytes) next_chunk_bytes_ *= 2;
        }
        void* const piece = at_;
        at_ += size;
        left_ -= size;
        return piece;
    }

    //   Returns     a copy of `from`, valid until clear()
    [[nodiscard]] bytes_view copy(bytes_view from) {
        if (from.empty()) return {};
        void* const into = allocate(from.size());
        std::memcpy(into, from.data(), from.size());
        return {static_cast<const std::byte*>(into), from.size()};
    }

    // Gives all memory back.
    void clear() noexcept {
        while (newest_ != nullptr) ::operator delete(std::exchange(newest_, newest_->older));
        at_ = nullptr;
        left_ = 0;
        next_chunk_bytes_ = first_chunk_bytes;
    }

private:
    struct alignas(alignment) chunk {
        chunk* older;
    };

    std::byte* add_chunk(std::size_t size) {
        newest_ = ::new (::operator new(sizeof(chunk) + size)) chunk{newest_};
        return reinterpret_cast<std::byte*>(newest_ + 1);
    }

    chunk* newest_ = nullptr;
    std::byte* at_ = nullptr;  // what is left of the chunk that pieces come from
    std::size_t left_ = 0;
    std::size_t next_chunk_bytes_ = first_chunk_bytes;
};

}  // namespace mantis
