// SPDX-License-Identifier: BSL-1.0
//
// The image of the last checkpoint, for a scrubber: every block is read; of an open store that may
// write, a damaged image is replaced by a new one, for the rows are in memory.
//
// Threads: as for scrub_source.
#pragma once

#include "scrubber.hpp"

#include "../recovery/image_reader.hpp"

namespace mantis {

// What the owner of the image does for it.
struct image_scrub_calls {
    //   Returns     what the image is named after; {}: there is none
    lsn (*current)(void* owner) = nullptr;
    //   Effects     another image takes its place
    //   Returns     whether it does
    bool (*replace)(void* owner) = nullptr;
    void* owner = nullptr;
};

template <platform Platform, checksum_policy Checksum>
class image_scrub {
public:
    using directory = typename Platform::directory;

    //   Requires    `in` and the owner outlive it
    image_scrub(directory& in, database_id database, const image_scrub_calls& calls) noexcept
        : directory_{&in}, database_{database}, calls_{calls} {}

    [[nodiscard]] scrub_source<Platform> source() noexcept { return {&scrub, this}; }

private:
    static void scrub(void* self, scrub_pass<Platform>& pass) {
        auto& own = *static_cast<image_scrub*>(self);
        const lsn image = own.calls_.current(own.calls_.owner);
        if (image == lsn{}) return;
        pass.add_file();
        std::vector<scrub_finding> found;
        const bool ended = own.look(image_name(image), pass, found);
        // A checkpoint that was made meanwhile has removed what was read.
        if (!ended || found.empty() || own.calls_.current(own.calls_.owner) != image) return;
        const bool repaired = own.calls_.replace(own.calls_.owner);
        for (scrub_finding& each : found) {
            each.repaired = repaired;
            pass.found(std::move(each));
        }
    }

    //   Returns     false: stopped
    bool look(const bytes& name, scrub_pass<Platform>& pass, std::vector<scrub_finding>& found) {
        auto reader = image_reader<Platform, Checksum>::open(*directory_, name, database_);
        if (!reader) {
            add(found, name, kind_of(reader.error()), 0);
            return true;
        }
        image_block block;
        std::uint64_t spent = 0;
        while (true) {
            auto more = reader->next(block);
            const std::uint64_t read = reader->bytes_read() - spent;
            spent += read;
            if (!pass.spend(read)) return false;
            if (!more) add(found, name, kind_of(more.error()), spent);
            if (!more || !*more) break;
        }
        for (const image_gap& each : reader->gaps())
            add(found, name, scrub_kind::damaged, each.from);
        if (!found.empty()) return true;
        if (const auto damage = reader->damage())
            add(found, name, scrub_kind::missing, *damage->number("offset"));
        return true;
    }

    static scrub_kind kind_of(const error& why) noexcept {
        if (why.code() == error_code::not_found) return scrub_kind::missing;
        const bool bytes = why.code() == error_code::corrupt || why.code() == error_code::mismatch;
        return bytes ? scrub_kind::damaged : scrub_kind::unreadable;
    }
    static void add(std::vector<scrub_finding>& to, const bytes& name, scrub_kind kind,
                    std::uint64_t offset) {
        scrub_finding what;
        what.kind = kind;
        what.file = name;
        what.offset = offset;
        to.push_back(std::move(what));
    }

    directory* directory_;
    database_id database_;
    image_scrub_calls calls_;
};

}  // namespace mantis
