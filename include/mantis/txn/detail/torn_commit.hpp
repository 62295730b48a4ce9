// SPDX-License-Identifier: BSL-1.0
//
// The commit that the log has and a table could not take, if there is one.
//
// Threads: tear() once; the others any.
#pragma once

#include "../../core/ids.hpp"
#include "../../core/result.hpp"

#include <optional>

namespace mantis::detail {

template <class Platform>
class torn_commit {
public:
    //   Effects     is_torn() from now on
    void tear(const error& why, lsn version) {
        why_.emplace(why);
        why_->with("lsn", version.value);
        torn_.store(true);
    }
    [[nodiscard]] bool is_torn() const { return torn_.load(); }

    //   Requires    is_torn()
    //   Returns     an error of that code, with what the table said and for which commit
    [[nodiscard]] error answer(error_code code, const char* doing) const {
        error told{code, doing};
        told.about(why_->subject()).with("code", static_cast<std::uint64_t>(why_->code()));
        for (const char* const name : {"lsn", "table", "errno"})
            if (const std::uint64_t* const number = why_->number(name)) told.with(name, *number);
        return told.within(why_->doing());
    }

private:
    typename Platform::template atomic<bool> torn_{false};
    std::optional<error> why_;  // set before torn_, then constant
};

}  // namespace mantis::detail
