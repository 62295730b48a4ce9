// SPDX-License-Identifier: BSL-1.0
//
// One piece of memory for pages, aligned for direct I/O.
//
// Threads: like an int.
#pragma once

#include "../../config.hpp"

#include <cstddef>
#include <new>

namespace mantis::detail {

class page_memory {
public:
    //   Requires    page_bytes is a power of two
    page_memory(std::size_t page_bytes, std::size_t count)
        : alignment_{page_bytes < 4096 ? std::size_t{4096} : page_bytes},
          page_bytes_{page_bytes},
          bytes_{static_cast<std::byte*>(::operator new(page_bytes* count, alignment_))} {}
    page_memory(const page_memory&) = delete;
    page_memory& operator=(const page_memory&) = delete;
    ~page_memory() { ::operator delete(bytes_, alignment_); }

    [[nodiscard]] std::byte* page(std::size_t index) const noexcept {
        return bytes_ + index * page_bytes_;
    }
    [[nodiscard]] std::size_t page_bytes() const noexcept { return page_bytes_; }

private:
    const std::align_val_t alignment_;
    const std::size_t page_bytes_;
    std::byte* const bytes_;
};

}  // namespace mantis::detail
