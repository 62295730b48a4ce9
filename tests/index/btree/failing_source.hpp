// SPDX-License-Identifier: BSL-1.0
//
// A source for tests of which one call fails, or some in a row.
#pragma once

#include <mantis/page/memory_source.hpp>
#include <mantis/platform/posix.hpp>

namespace tree_tests {

using namespace mantis;

// Fails one call: the one that `calls_left` counts down to.
class failing_source {
public:
    std::uint64_t calls_left = UINT64_MAX;
    std::uint64_t failing = 1;  // calls in a row

    result<void> read(page_id page, std::byte* into, std::size_t size) {
        if (fails()) return error{error_code::io, "reading a page"}.with("page", page.value);
        return disk_.read(page, into, size);
    }
    result<void> write(page_id page, std::uint32_t epoch, bytes_view image) {
        if (fails()) return error{error_code::io, "writing a page"}.with("page", page.value);
        return disk_.write(page, epoch, image);
    }

private:
    bool fails() noexcept {
        if (calls_left == UINT64_MAX) return false;
        if (calls_left != 0) return --calls_left, false;
        if (--failing == 0) calls_left = UINT64_MAX;
        return true;
    }
    memory_source<posix> disk_;
};

}  // namespace tree_tests
