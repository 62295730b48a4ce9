// SPDX-License-Identifier: BSL-1.0
//
// Gives back the space of data segments that are mostly empty: what still lives in one is written
// elsewhere, and the next commit lets the file go.
//
//   segment_cleaner cleaner{disk};
//   for (;;) {
//       auto done = cleaner.clean_once();        // a few times, then a commit, then again
//       if (!done || done->segment == 0) break;
//   }
//
// It takes the segment of which the newest state needs the smallest share. The moved images have no
// epoch: they are in whatever is committed next. An image that gets a newer one while it is being
// moved stays where it is, and is free by a commit; so do images that only the committed state
// needs. Where the disk is full the moved images take the spare segment of the store; one that is
// cleaned gives more back than it takes.
//
// Threads: one, which is also the one that commits, or takes turns with it.
#pragma once

#include "page_store.hpp"

namespace mantis {

struct segment_cleaner_options {
    // Segments of which less is needed are cleaned. Files then take at most 100 / below_percent of
    // what lives in them, and a few segments. More saves space and writes more: a segment with a
    // share of 70 writes 70 bytes to give 30 back.
    unsigned below_percent = 70;
};

struct cleaned_segment {
    std::uint32_t segment = 0;  // its number; 0: there is nothing to clean
    std::uint64_t images_moved = 0;
    std::uint64_t bytes_moved = 0;
};

template <class Store>
class segment_cleaner {
public:
    //   Requires    the store lives longer
    explicit segment_cleaner(Store& store, const segment_cleaner_options& options = {}) noexcept
        : store_{&store}, options_{options} {}

    //   Returns     what was moved: nothing, too, while an epoch is prepared
    //   Errors      no_space, io, read_only: what was moved stays so, and it can be called again;
    //               corrupt: all but the images that are damaged was moved; too_large: an image for
    //               the store's segments. A segment with an image that cannot be read, or is too
    //               large, stays, and this store does not clean it any more
    [[nodiscard]] result<cleaned_segment> clean_once() {
        return clean_once(options_.below_percent);
    }
    // The same, of segments of which less than so much is needed.
    [[nodiscard]] result<cleaned_segment> clean_once(unsigned below_percent) {
        cleaned_segment done;
        const auto least = store_->least_used(below_percent);
        if (!least) return done;
        done.segment = *least;
        std::optional<error> damage;
        for (const std::uint32_t page : store_->pages_in(*least)) {
            auto moved = store_->move({page}, *least);
            if (!moved && moved.error().code() != error_code::corrupt)
                return std::move(moved).error().within("cleaning a data segment");
            if (!moved) damage = std::move(moved).error();
            else if (*moved != 0) {
                ++done.images_moved;
                done.bytes_moved += *moved;
            }
        }
        if (damage) return std::move(*damage).within("cleaning a data segment");
        return done;
    }

private:
    Store* store_;
    segment_cleaner_options options_;
};

}  // namespace mantis
