// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/page/memory_source.hpp>
#include <mantis/platform/posix.hpp>

using namespace mantis;

namespace {

bytes filled(char with) {
    bytes image;
    image.append(512, static_cast<std::byte>(with));
    return image;
}
result<bytes> read_back(memory_source<posix>& source, page_id page) {
    bytes image;
    image.resize(512);
    if (auto done = source.read(page, image.data(), image.size()); !done) return done.error();
    return image;
}

}  // namespace

TEST_CASE("a page is read as it was written last") {
    memory_source<posix> source;
    REQUIRE(source.write(page_id{7}, 1, filled('a')));
    REQUIRE(source.write(page_id{7}, 1, filled('b')));
    CHECK(read_back(source, page_id{7}).value().view() == filled('b').view());
    CHECK(source.image(page_id{7}).view() == filled('b').view());
    CHECK(source.image(page_id{8}).empty());
    CHECK(source.reads() == 1);
    CHECK(source.writes() == 2);
}

TEST_CASE("a page that was never written is not found") {
    memory_source<posix> source;
    REQUIRE(source.write(page_id{7}, 1, filled('a')));
    for (const std::uint64_t number : {1u, 6u, 8u, 1'000u}) {
        const auto read = read_back(source, page_id{number});
        REQUIRE_FALSE(read);
        CHECK(read.error().code() == error_code::not_found);
        CHECK(*read.error().number("page") == number);
    }
}

TEST_CASE("it fails as often as it is told to, and nothing changes then") {
    memory_source<posix> source;
    REQUIRE(source.write(page_id{1}, 1, filled('a')));
    source.fail_writes(2);
    for (int i = 0; i < 2; ++i) {
        const auto written = source.write(page_id{1}, 1, filled('b'));
        REQUIRE_FALSE(written);
        CHECK(written.error().code() == error_code::io);
    }
    source.fail_reads(1);
    REQUIRE_FALSE(read_back(source, page_id{1}));
    CHECK(read_back(source, page_id{1}).value().view() == filled('a').view());
    CHECK(source.write(page_id{1}, 1, filled('c')));
    source.fail_reads(source.all);
    for (int i = 0; i < 10; ++i) CHECK_FALSE(read_back(source, page_id{1}));
    source.fail_reads(0);
    CHECK(read_back(source, page_id{1}).value().view() == filled('c').view());
}
