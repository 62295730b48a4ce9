// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/posix/error.hpp>

using namespace mantis;

TEST_CASE("an errno becomes the code that a caller can act on, and stays readable") {
    CHECK(posix_error_code(ENOSPC) == error_code::no_space);
    CHECK(posix_error_code(EDQUOT) == error_code::no_space);
    CHECK(posix_error_code(ENOENT) == error_code::not_found);
    CHECK(posix_error_code(EEXIST) == error_code::already_exists);
    for (const int number : {EIO, EROFS, EACCES, EINVAL, EMFILE, EFBIG, ENOTDIR})
        CHECK(posix_error_code(number) == error_code::io);
    const error failed = posix_error("writing a file", "db/x", ENOSPC);
    CHECK(failed.subject() == "db/x");
    CHECK(*failed.number("errno") == ENOSPC);
    CHECK(failed.message() == bytes{bytes_view{"no_space: writing a file [db/x] errno=28"}});
}
