// SPDX-License-Identifier: BSL-1.0
//
// The part of check --full that is about tables in pages: the manifest, the headers of the data
// segments, each page in use, the trees, the large values, the number of rows, the documents.
#pragma once

#include "check_tables.hpp"

#include <mantis/platform/posix.hpp>
#include <mantis/recovery/detail/stored_tree_check.hpp>
#include <mantis/recovery/superblock.hpp>

namespace tool {

class page_check {
public:
    //   Requires    they outlive it
    page_check(mantis::posix::directory& in, const mantis::superblock& of, known_tables& tables,
               wrong_documents& wrong, check_findings& found) noexcept
        : directory_{&in}, of_{of}, tables_{&tables}, wrong_{&wrong}, found_{&found} {}

    //   Requires    the log is known; it can be redone up to `log_end`
    void run(mantis::lsn log_end);

    [[nodiscard]] std::uint64_t documents() const noexcept { return documents_; }
    //   Returns     as of which position in the log the pages are; 0: none, or not known
    [[nodiscard]] mantis::lsn as_of() const noexcept { return as_of_; }
    //   Effects     adds what was counted
    void describe(mantis::bson_writer& to) const;

private:
    struct sink;
    template <class Checksum>
    void run_with(std::uint64_t generation, mantis::lsn log_end);
    void compare_tables(const mantis::detail::table_roots& roots, mantis::lsn persisted);
    void broken(std::uint64_t table, const char* problem);

    mantis::posix::directory* directory_;
    const mantis::superblock of_;
    known_tables* tables_;
    wrong_documents* wrong_;
    check_findings* found_;

    mantis::detail::tree_check_figures trees_;
    mantis::lsn as_of_;
    std::uint64_t pages_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t manifest_groups_ = 0;
    std::uint64_t documents_ = 0;
    bool checked_ = true;  // false: there are pages, and nothing says which
};

}  // namespace tool
