// SPDX-License-Identifier: BSL-1.0
//
// A source for tests that keeps every image with its epoch, and checks what a source can rely on.
#pragma once

#include <mantis/page/page_source.hpp>
#include <mantis/platform/guard.hpp>
#include <mantis/sync/optimistic_load.hpp>

#include <map>
#include <vector>

namespace page_test {

using namespace mantis;

template <class Platform>
class history_source {
public:
    // One call in so many fails; 0: none.
    std::uint64_t fail_reads_one_in = 0;
    std::uint64_t fail_writes_one_in = 0;
    Platform* platform = nullptr;  // slow: each call takes a while
    std::uint64_t salt = 1;

    result<void> read(page_id page, std::byte* into, std::size_t size) {
        enter(page);
        take_a_while();
        result<void> done = success();
        {
            const lock_guard<mutex> hold{mutex_};
            ++reads;
            ++reads_of[page.value];
            if (one_in(fail_reads_one_in)) done = error{error_code::io, "reading a page"};
            else if (images_[page.value].empty())
                done = error{error_code::not_found, "reading a page"};
        }
        // Its last image does not change: nobody writes the page meanwhile.
        if (done) optimistic_write<Platform>(into, last_image(page).data(), size);
        leave(page);
        return done;
    }
    result<void> write(page_id page, std::uint32_t epoch, bytes_view image) {
        enter(page);
        const bytes first{image};
        take_a_while();
        const lock_guard<mutex> hold{mutex_};
        --inside_[page.value];
        ++writes;
        if (first.view() != image) ++wrong;  // it has changed meanwhile
        if (one_in(fail_writes_one_in)) return error{error_code::io, "writing a page"};
        auto& all = images_[page.value];
        if (!all.empty() && all.back().epoch > epoch) ++wrong;
        all.push_back({epoch, bytes{image}});
        return success();
    }

    //   Returns     the page at the end of this epoch; empty: it was not there yet
    bytes at_end_of(std::uint32_t epoch, page_id page) {
        const lock_guard<mutex> hold{mutex_};
        const auto& all = images_[page.value];
        for (std::size_t at = all.size(); at-- != 0;)
            if (all[at].epoch <= epoch) return all[at].image;
        return {};
    }
    bytes last_image(page_id page) { return at_end_of(UINT32_MAX, page); }

    std::uint64_t reads = 0;
    std::uint64_t writes = 0;
    std::uint64_t wrong = 0;
    std::map<std::uint64_t, std::uint64_t> reads_of;

private:
    using mutex = typename Platform::mutex;
    struct dated {
        std::uint32_t epoch;
        bytes image;
    };

    void enter(page_id page) {
        const lock_guard<mutex> hold{mutex_};
        if (inside_[page.value]++ != 0) ++wrong;  // two calls for one page
    }
    void leave(page_id page) {
        const lock_guard<mutex> hold{mutex_};
        --inside_[page.value];
    }
    void take_a_while() {
        if (platform != nullptr) platform->sleep(microseconds(20));
    }
    bool one_in(std::uint64_t chance) {
        salt = salt * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
        return chance != 0 && (salt >> 33) % chance == 0;
    }

    mutex mutex_;
    std::map<std::uint64_t, std::vector<dated>> images_;
    std::map<std::uint64_t, int> inside_;
};

}  // namespace page_test
