// SPDX-License-Identifier: BSL-1.0
//
// What a look at all files of tables in pages found: paged_tables::scrub(), and stored_page_scrub
// of a database that nobody has opened.
//
// Who looks tells a sink S:
//
//   expression            returns   meaning
//   sink.spend(size)      bool      so many bytes were read; waits as long as the pace asks for.
//                                   false: no more is to be read
//   sink.add_file()       void      a file is looked at
//   sink.add_page()       void      an image was found to be whole
//   sink.found(damage)    void      a page_damage
//
// Threads: plain values; a sink is told by one thread.
#pragma once

#include "../core/bytes.hpp"
#include "../core/error.hpp"
#include "../core/ids.hpp"

namespace mantis {

struct page_damage {
    // corrupt: bytes are not those that were written; not_found: the file, or its end, is missing;
    // all others: it cannot be read
    error_code code = error_code::corrupt;
    bytes file;
    std::uint64_t offset = 0;
    page_id page = {};      // 0: it is no image of a page
    table_id table = {};    // whose page it is, as far as its bytes say; 0: not known
    bool restored = false;  // what it should be is elsewhere now, durable with the next checkpoint
};

}  // namespace mantis
