// SPDX-License-Identifier: BSL-1.0
//
// One piece of memory for pages, aligned for direct I/O, and to large pages of the system where it
// has some of those.
//
// Threads: like an int.
#pragma once

#include "../../core/units.hpp"

#include <cstddef>
#include <new>

namespace mantis::detail {

class page_memory {
public:
    //   Requires    page_bytes is a power of two
    page_memory(std::size_t page_bytes, std::size_t count)
        : alignment_{alignment_of(page_bytes, page_bytes * count)},
          page_bytes_{page_bytes},
          size_{page_bytes * count},
          bytes_{static_cast<std::byte*>(::operator new(size_, alignment_))} {}
    page_memory(const page_memory&) = delete;
    page_memory& operator=(const page_memory&) = delete;
    ~page_memory() { ::operator delete(bytes_, alignment_); }

    // Advice to the system, before the memory is used: then a page at random costs a miss of the
    // TLB less.
    template <class Platform>
    void use_large_pages() const noexcept {
        if constexpr (requires { Platform::use_large_pages(bytes_, size_); })
            if (alignment_ == std::align_val_t{large_page_bytes})
                Platform::use_large_pages(bytes_, size_);
    }

    [[nodiscard]] std::byte* page(std::size_t index) const noexcept {
        return bytes_ + index * page_bytes_;
    }
    [[nodiscard]] std::size_t page_bytes() const noexcept { return page_bytes_; }

private:
    static constexpr std::size_t large_page_bytes = 2 * MiB;

    [[nodiscard]] static constexpr std::align_val_t alignment_of(std::size_t page_bytes,
                                                                 std::size_t all) noexcept {
        if (all >= 4 * large_page_bytes) return std::align_val_t{large_page_bytes};
        return std::align_val_t{page_bytes < 4096 ? std::size_t{4096} : page_bytes};
    }

    const std::align_val_t alignment_;
    const std::size_t page_bytes_;
    const std::size_t size_;
    std::byte* const bytes_;
};

}  // namespace mantis::detail
