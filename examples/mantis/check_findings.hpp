// SPDX-License-Identifier: BSL-1.0
//
// What check --full has found: all of it is counted, and so much is kept that it can be told.
#pragma once

#include "answer.hpp"

#include <mantis/core/error.hpp>
#include <mantis/recovery/page_damage.hpp>
#include <mantis/store/scrub_report.hpp>

#include <vector>

namespace tool {

struct check_finding {
    mantis::bytes_view kind;  // a word for programs; the literal lives forever
    mantis::bytes file;
    std::uint64_t offset = 0;
    std::uint64_t lsn = 0;
    std::uint64_t end_lsn = 0;
    std::uint64_t page = 0;
    std::uint64_t table = 0;
    mantis::bytes name;   // of the table
    mantis::bytes key;    // of its row
    std::string problem;  // for people
};

class check_findings {
public:
    static constexpr std::size_t most_kept = 1000;

    void add(check_finding what, exit_code code);
    // Not damage: nobody reads these bytes.
    void add_harmless(check_finding what);
    void add(const mantis::scrub_finding& what);
    void add(const mantis::page_damage& what);
    // What an error names is where it is.
    void add(const char* kind, const mantis::error& why);
    // Others like them, which are counted only.
    void add_untold(std::uint64_t count, exit_code code) noexcept;
    void add_untold_harmless(std::uint64_t count) noexcept { harmless_ += count; }

    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    //   Effects     adds "findings", "harmless" and "found"
    void describe(mantis::bson_writer& to) const;
    //   Effects     a line on stderr for each that is kept
    //   Returns     done, damaged, or failed if all that was found is what cannot be read
    [[nodiscard]] exit_code complain() const;

private:
    void keep(check_finding&& what) {
        if (kept_.size() < most_kept) kept_.push_back(std::move(what));
    }

    std::uint64_t count_ = 0;
    std::uint64_t harmless_ = 0;
    exit_code worst_ = exit_code::done;
    std::vector<check_finding> kept_;
};

}  // namespace tool
