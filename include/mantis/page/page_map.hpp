// SPDX-License-Identifier: BSL-1.0
//
// Where the image of each page is: now, in the state that was committed last, and in those between.
//
// A page that has not changed since the last commit has one entry. The others have a row of
// versions, by epoch:
//
//   committed | moved | epoch 4 | epoch 5        the last one is the page's newest entry
//             |  (0)  |         |
//   commit(4):                   committed = that of epoch 4 | epoch 5
//
// A second image of one epoch takes the place of the first. A version without a place says that the
// page is gone. A moved version holds the committed image in another place; it belongs to whatever
// is committed next.
//
// Entries are in chunks of 256 pages behind two levels of pointers, so that a page costs 16 bytes
// where pages are numbered densely, and one page alone 70 KiB at most. Versions cost 24 bytes each
// until they are committed.
//
// Invariants:
//   1. each place is that of one version, or of one entry without versions: what is handed back as
//      freed is nobody's any more
//   2. what the committed state refers to is not handed back before commit()
//
// Threads: one at a time.
#pragma once

#include "page_delta.hpp"

#include "../core/owned.hpp"

#include <cstdlib>

namespace mantis {

class page_map {
public:
    static constexpr std::uint32_t moved_epoch = 0;  // before every epoch of a write

    // What a change did.
    struct outcome {
        page_place freed;  // none, or a place that nothing refers to any more
        page_place was;    // of the newest entry, before and after
        page_place is;
    };

    page_map() = default;
    page_map(const page_map&) = delete;
    page_map& operator=(const page_map&) = delete;

    //   Returns     no place: the page is not there
    [[nodiscard]] page_entry newest(page_id page) const noexcept {
        const chunk* const in = find(page);
        return in == nullptr ? page_entry{} : in->newest[low(page)];
    }
    //   Requires    page in [1, last_mapped_page]; epoch > 0, and beyond the last one committed
    //   Effects     the page has this entry from that epoch on, until its next version
    outcome put(page_id page, std::uint32_t epoch, const page_entry& entry) {
        return add(page, epoch, entry);
    }
    //   Effects     the newest version has another place, if it still has the one it had
    //   Returns     whether it had; nothing is changed otherwise
    [[nodiscard]] bool move(page_id page, page_place from, const page_entry& to, outcome& done) {
        chunk* const in = find(page);
        if (in == nullptr || in->newest[low(page)].place != from) return false;
        const std::size_t end = end_of(*in, low(page));
        const bool pending =
            end != 0 && in->versions[end - 1].page == low(page) && !in->versions[end - 1].committed;
        done = add(page, pending ? in->versions[end - 1].epoch : moved_epoch, to);
        return true;
    }

    // Calls each(page, entry) for every page with a version up to this epoch, ascending, with the
    // last of them.
    template <class Each>
    void for_each_change(std::uint32_t epoch, Each each) {
        sort_changed();
        for (const std::uint32_t number : changed_) {
            const std::vector<version>& all = chunk_of(number)->versions;
            for (std::size_t at = 0; at < all.size();) {
                const group here = group_at(all, at, epoch);
                if (here.last != at)
                    each(page_id{std::uint64_t{number} << 8 | all[at].page}, all[here.last].entry);
                at = here.end;
            }
        }
    }
    // Nothing up to this epoch is committed any more but what for_each_change(epoch) tells.
    //   Effects     calls freed(place) for images that are older than that; what it tells, and the
    //               newest entries, stay as they are
    template <class Freed>
    void forget_between(std::uint32_t epoch, Freed freed) {
        for (const std::uint32_t number : changed_) {
            std::vector<version>& all = chunk_of(number)->versions;
            std::size_t left = 0;
            for (std::size_t at = 0; at < all.size();) {
                const group here = group_at(all, at, epoch);
                all[left++] = all[at++];
                for (; at < here.last; ++at)
                    if (!all[at].entry.place.is_none()) freed(all[at].entry.place);
                while (at < here.end) all[left++] = all[at++];
            }
            all.resize(left);
        }
    }
    //   Effects     what for_each_change(epoch) tells is the committed state now; calls
    //               freed(place) for what it takes the place of
    template <class Freed>
    void commit(std::uint32_t epoch, Freed freed) {
        std::size_t left = 0;
        for (const std::uint32_t number : changed_) {
            chunk& in = *chunk_of(number);
            commit_chunk(in.versions, epoch, freed);
            if (!in.versions.empty()) changed_[left++] = number;
            else std::vector<version>{}.swap(in.versions);
        }
        changed_.resize(left);
    }

    //   Requires    nothing was put yet; page in [1, last_mapped_page]
    void load(page_id page, const page_entry& entry) {
        if (entry.place.is_none() && find(page) == nullptr) return;
        make(page).newest[low(page)] = entry;
    }

    // Calls each(page, entry) for the pages of the committed state from `from` on, ascending, until
    // it returns false.
    template <class Each>
    void for_each_committed(page_id from, Each each) const {
        for (std::uint64_t number = from.value >> 8; number < chunk_limit(); ++number) {
            const chunk* const in = chunk_of(static_cast<std::uint32_t>(number));
            if (in == nullptr) {
                if (!upper_[number >> 12]) number |= 0xfff;  // nothing in all of it
                continue;
            }
            std::size_t at = 0;
            for (std::uint64_t page = 0; page < 256; ++page) {
                while (at < in->versions.size() && in->versions[at].page < page) ++at;
                const bool changed = at < in->versions.size() && in->versions[at].page == page;
                const page_entry& entry = changed ? in->versions[at].entry : in->newest[page];
                const page_id id{number << 8 | page};
                if (entry.place.is_none() || id < from) continue;
                if (!each(id, entry)) return;
            }
        }
    }
    // Calls each(page, entry) for every image that some state refers to, of the pages from `from`
    // on, ascending by page, until it returns false.
    template <class Each>
    void for_each_live(page_id from, Each each) const {
        for (std::uint64_t number = from.value >> 8; number < chunk_limit(); ++number) {
            const chunk* const in = chunk_of(static_cast<std::uint32_t>(number));
            if (in == nullptr) {
                if (!upper_[number >> 12]) number |= 0xfff;  // nothing in all of it
                continue;
            }
            const std::uint64_t first = number << 8;
            for (std::uint64_t page = 0; page < 256; ++page)
                if (first + page >= from.value && !tell_live(*in, {first + page}, each)) return;
        }
    }
    [[nodiscard]] bool is_live(page_id page, const page_entry& entry) const {
        bool found = false;
        const auto is_it = [&](page_id, const page_entry& each) {
            return !(found = each == entry);
        };
        if (const chunk* const in = find(page)) (void)tell_live(*in, page, is_it);
        return found;
    }

private:
    struct version {
        std::uint32_t epoch;
        std::uint8_t page;  // in its chunk
        bool committed;     // the first of its page
        page_entry entry;
    };
    static_assert(sizeof(version) == 24);

    struct chunk {
        page_entry newest[256];
        std::vector<version> versions;  // by page, the committed one first, then by epoch
    };
    struct chunks {
        owned<chunk> of[4096];
    };
    // The versions of one page: from where it was asked for to `end`, and the last one up to an
    // epoch.
    struct group {
        std::size_t last;
        std::size_t end;
    };

    [[nodiscard]] static std::uint8_t low(page_id page) noexcept {
        return static_cast<std::uint8_t>(page.value & 0xff);
    }
    [[nodiscard]] static std::uint32_t number_of(page_id page) noexcept {
        return static_cast<std::uint32_t>(page.value >> 8);
    }
    [[nodiscard]] std::uint64_t chunk_limit() const noexcept {
        return std::uint64_t{upper_.size()} << 12;
    }
    [[nodiscard]] chunk* chunk_of(std::uint32_t number) const noexcept {
        const std::size_t at = number >> 12;
        if (at >= upper_.size() || !upper_[at]) return nullptr;
        const owned<chunk>& found = upper_[at]->of[number & 0xfff];
        return found ? &*found : nullptr;
    }
    [[nodiscard]] chunk* find(page_id page) const noexcept {
        return page > last_mapped_page ? nullptr : chunk_of(number_of(page));
    }
    [[nodiscard]] chunk& make(page_id page) {
        check(page.value != 0 && page <= last_mapped_page, "a page that a page map cannot have");
        const std::uint32_t number = number_of(page);
        const std::size_t at = number >> 12;
        while (upper_.size() <= at) upper_.emplace_back();
        if (!upper_[at]) upper_[at] = owned<chunks>{new chunks};
        owned<chunk>& found = upper_[at]->of[number & 0xfff];
        if (!found) found = owned<chunk>{new chunk};
        return *found;
    }

    // The first version behind those of a page.
    [[nodiscard]] static std::size_t end_of(const chunk& in, std::uint8_t page) noexcept {
        std::size_t from = 0;
        std::size_t to = in.versions.size();
        while (from < to) {
            const std::size_t middle = from + (to - from) / 2;
            if (in.versions[middle].page <= page) from = middle + 1;
            else to = middle;
        }
        return from;
    }
    template <class Each>
    [[nodiscard]] static bool tell_live(const chunk& in, page_id page, Each& each) {
        const std::size_t end = end_of(in, low(page));
        std::size_t at = end;
        while (at != 0 && in.versions[at - 1].page == low(page)) --at;
        if (at == end) {
            const page_entry& newest = in.newest[low(page)];
            return newest.place.is_none() || each(page, newest);
        }
        for (; at < end; ++at)
            if (!in.versions[at].entry.place.is_none() && !each(page, in.versions[at].entry))
                return false;
        return true;
    }
    outcome add(page_id page, std::uint32_t epoch, const page_entry& entry) {
        chunk& in = make(page);
        std::vector<version>& all = in.versions;
        const auto insert = [&](std::size_t at, const version& what) {
            all.insert(all.begin() + static_cast<std::ptrdiff_t>(at), what);
        };
        if (all.empty()) changed_.push_back(number_of(page));
        page_entry& newest = in.newest[low(page)];
        outcome done{{}, newest.place, {}};
        std::size_t end = end_of(in, low(page));
        if (end == 0 || all[end - 1].page != low(page)) insert(end++, {0, low(page), true, newest});
        std::size_t at = end;
        while (!all[at - 1].committed && all[at - 1].epoch > epoch) --at;
        if (!all[at - 1].committed && all[at - 1].epoch == epoch) {
            done.freed = all[at - 1].entry.place;
            all[at - 1].entry = entry;
        } else {
            insert(at, {epoch, low(page), false, entry});
            ++end;
        }
        newest = all[end - 1].entry;
        done.is = newest.place;
        return done;
    }

    //   Requires    `at` is where the versions of a page begin
    [[nodiscard]] static group group_at(const std::vector<version>& all, std::size_t at,
                                        std::uint32_t epoch) noexcept {
        group found{at, at + 1};
        for (; found.end < all.size() && all[found.end].page == all[at].page; ++found.end)
            if (all[found.end].epoch <= epoch) found.last = found.end;
        return found;
    }
    template <class Freed>
    static void commit_chunk(std::vector<version>& all, std::uint32_t epoch, Freed& freed) {
        std::size_t left = 0;
        for (std::size_t at = 0; at < all.size();) {
            const group here = group_at(all, at, epoch);
            for (; at < here.last; ++at)
                if (!all[at].entry.place.is_none()) freed(all[at].entry.place);
            if (here.last + 1 != here.end) {  // there are later ones
                all[at].committed = true;
                while (at < here.end) all[left++] = all[at++];
            }
            at = here.end;
        }
        all.resize(left);
    }
    void sort_changed() {
        if (changed_.empty()) return;
        std::qsort(changed_.data(), changed_.size(), sizeof changed_[0],
                   [](const void* a, const void* b) {
                       const auto one = *static_cast<const std::uint32_t*>(a);
                       const auto other = *static_cast<const std::uint32_t*>(b);
                       return one < other ? -1 : one > other ? 1 : 0;
                   });
    }

    std::vector<owned<chunks>> upper_;
    std::vector<std::uint32_t> changed_;  // the chunks that have versions
};

}  // namespace mantis
