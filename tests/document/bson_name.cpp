// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/bson_name.hpp>

#include <doctest/doctest.h>

using namespace mantis;

namespace {

bytes stored(bytes_view name) {
    bytes made;
    append_stored_name(made, name);
    return made;
}
bytes text(bytes_view stored) {
    bytes made;
    append_name_text(made, stored);
    return made;
}

}  // namespace

TEST_CASE(
    "a zero byte in a name is stored as C0 80 and comes back; every other name is stored as it "
    "is") {
    CHECK(stored("plain") == bytes{"plain"});
    CHECK(stored("") == bytes{});
    CHECK(stored({"a\0b\0", 4}) == bytes{"a\xc0\x80"
                                         "b\xc0\x80"});
    for (const bytes_view name :
         {bytes_view{"x"}, {"\0", 1}, {"\0\0", 2}, {"a\0", 2}, {"\0a", 2}, {"caf\xc3\xa9", 5}})
        CHECK(text(stored(name)) == bytes{name});
}

TEST_CASE("the stored form of a stored name is itself") {
    for (const bytes_view name : {bytes_view{"plain"}, {"a\0b", 3}, {"\0", 1}})
        CHECK(stored(stored(name)) == stored(name));
}

TEST_CASE("a lone C0 at the end of a name is no read past it") { CHECK(text("a\xc0").size() == 2); }
