// SPDX-License-Identifier: BSL-1.0
//
// The two files of the superblock, for a scrubber: read, compared and, where the database is open
// to write, made again from what is in memory.
//
// Threads: as for scrub_source.
#pragma once

#include "scrubber.hpp"

#include "../recovery/superblock_pair.hpp"

namespace mantis {

template <platform Platform>
class superblock_scrub {
public:
    using directory = typename Platform::directory;
    // Called when the files do not say the same, with that.
    //   Effects     looks again while nobody replaces them; repairs what is wrong
    //   Returns     what was wrong then; nothing if they were only being replaced
    using settle_function = std::vector<scrub_finding> (*)(void* context);

    //   Requires    `in` and `context` outlive it
    superblock_scrub(directory& in, settle_function settle, void* context) noexcept
        : directory_{&in}, settle_{settle}, context_{context} {}

    [[nodiscard]] scrub_source<Platform> source() noexcept { return {&scrub, this}; }

    // For settle functions: what there is to tell of the files, as they are now.
    [[nodiscard]] static std::vector<scrub_finding> look(directory& in) {
        std::vector<scrub_finding> found;
        auto pair = read_superblocks(in);
        if (pair) {
            add(found, superblock_name, pair->first);
            add(found, superblock_copy_name, pair->copy);
            return found;
        }
        const error_code code = pair.error().code();
        const bool readable = code == error_code::corrupt || code == error_code::not_found;
        const auto both = code == error_code::not_found ? superblock_condition::missing
                          : readable                    ? superblock_condition::damaged
                                                        : superblock_condition::unreadable;
        add(found, superblock_name, both);
        if (readable) add(found, superblock_copy_name, both);
        return found;
    }

private:
    static void scrub(void* self, scrub_pass<Platform>& pass) {
        auto& own = *static_cast<superblock_scrub*>(self);
        pass.add_file();
        pass.add_file();
        const auto pair = read_superblocks(*own.directory_);
        if (!pass.spend(2 * superblock_bytes) || (pair && pair->complete())) return;
        for (scrub_finding& each : own.settle_(own.context_)) pass.found(std::move(each));
    }

    static void add(std::vector<scrub_finding>& to, const char* name, superblock_condition as) {
        if (!is_damage(as)) return;
        scrub_finding what;
        what.kind = as == superblock_condition::damaged   ? scrub_kind::damaged
                    : as == superblock_condition::missing ? scrub_kind::missing
                                                          : scrub_kind::unreadable;
        what.file.assign(name);
        to.push_back(std::move(what));
    }

    directory* directory_;
    settle_function settle_;
    void* context_;
};

}  // namespace mantis
