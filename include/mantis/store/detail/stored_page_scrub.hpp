// SPDX-License-Identifier: BSL-1.0
//
// The files of tables in pages of a database that nobody has opened, for a scrubber: nothing is
// changed.
//
// Threads: as for scrub_source.
#pragma once

#include "../page_scrub.hpp"

#include "../../recovery/detail/stored_scrub.hpp"

namespace mantis {

template <platform Platform>
class stored_page_scrub {
public:
    using directory = typename Platform::directory;

    //   Requires    `in` outlives it; nobody changes its files. The superblock is that of the
    //               database
    stored_page_scrub(directory& in, const superblock& of) noexcept : directory_{&in}, of_{of} {}

    [[nodiscard]] scrub_source<Platform> source() noexcept { return {&scrub, this}; }

private:
    static void scrub(void* self, scrub_pass<Platform>& pass) {
        const auto& own = *static_cast<stored_page_scrub*>(self);
        detail::page_scrub_sink<Platform> sink{pass, nullptr, nullptr};
        detail::scrub_stored_pages<Platform>(*own.directory_, own.of_, sink);
    }

    directory* directory_;
    superblock of_;
};

}  // namespace mantis
