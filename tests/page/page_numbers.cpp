// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/page/free_page_numbers.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>

using namespace mantis;

namespace {

struct counting {
    std::uint64_t next = 1;
    result<page_id> take() { return page_id{next++}; }
    void give_back(page_id) {}
};
struct without_errors {
    page_id take() { return {1}; }
    void give_back(page_id) {}
};
struct without_return {
    result<page_id> take() { return page_id{1}; }
};

}  // namespace

TEST_CASE("numbers are taken with a result, and given back") {
    static_assert(page_numbers<counting>);
    static_assert(page_numbers<free_page_numbers<posix>>);
    static_assert(page_numbers<free_page_numbers<simulated>>);
    static_assert(!page_numbers<without_errors>);
    static_assert(!page_numbers<without_return>);
    counting numbers;
    CHECK(numbers.take().value() == page_id{1});
    CHECK(numbers.take().value() == page_id{2});
}
