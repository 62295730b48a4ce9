// SPDX-License-Identifier: BSL-1.0
//
// Pages that live in memory, for tests and for pools whose contents nobody needs again. It can be
// told to fail.
//
// It keeps the last image of each page.
//
// Threads: any number.
#pragma once

#include "page_source.hpp"

#include "../platform/guard.hpp"
#include "../sync/optimistic_load.hpp"

#include <vector>

namespace mantis {

template <class Platform>
class memory_source {
public:
    memory_source() noexcept = default;
    memory_source(const memory_source&) = delete;
    memory_source& operator=(const memory_source&) = delete;

    //   Errors      not_found: the page was never written; io: by fail_reads()
    [[nodiscard]] result<void> read(page_id page, std::byte* into, std::size_t size) {
        const lock_guard<mutex> hold{mutex_};
        ++reads_;
        if (fails(failing_reads_)) return told_to_fail(page, "reading a page");
        if (page.value >= images_.size() || images_[page.value].empty())
            return error{error_code::not_found, "reading a page"}.with("page", page.value);
        check(images_[page.value].size() == size, "a page is read with another size");
        optimistic_write<Platform>(into, images_[page.value].data(), size);
        return success();
    }
    //   Errors      io: by fail_writes()
    [[nodiscard]] result<void> write(page_id page, std::uint32_t /*epoch*/, bytes_view image) {
        const lock_guard<mutex> hold{mutex_};
        ++writes_;
        if (fails(failing_writes_)) return told_to_fail(page, "writing a page");
        if (page.value >= images_.size()) images_.resize(page.value + 1);
        images_[page.value].assign(image);
        return success();
    }

    static constexpr std::uint64_t all = UINT64_MAX;
    //   Effects     the next `count` reads answer io; 0: none any more; all: until told otherwise
    void fail_reads(std::uint64_t count) {
        const lock_guard<mutex> hold{mutex_};
        failing_reads_ = count;
    }
    void fail_writes(std::uint64_t count) {
        const lock_guard<mutex> hold{mutex_};
        failing_writes_ = count;
    }
    // Calls, failed ones too.
    [[nodiscard]] std::uint64_t reads() {
        const lock_guard<mutex> hold{mutex_};
        return reads_;
    }
    [[nodiscard]] std::uint64_t writes() {
        const lock_guard<mutex> hold{mutex_};
        return writes_;
    }
    //   Returns     the page's last image; empty where it has none
    [[nodiscard]] bytes image(page_id page) {
        const lock_guard<mutex> hold{mutex_};
        return page.value < images_.size() ? images_[page.value] : bytes{};
    }

private:
    using mutex = typename Platform::mutex;

    [[nodiscard]] static bool fails(std::uint64_t& left) noexcept {
        if (left == 0) return false;
        if (left != all) --left;
        return true;
    }
    [[nodiscard]] static error told_to_fail(page_id page, const char* doing) {
        return error{error_code::io, doing}.with("page", page.value);
    }

    mutex mutex_;  // protects all below
    std::vector<bytes> images_;
    std::uint64_t reads_ = 0;
    std::uint64_t writes_ = 0;
    std::uint64_t failing_reads_ = 0;
    std::uint64_t failing_writes_ = 0;
};

}  // namespace mantis
