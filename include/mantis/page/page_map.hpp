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
// where pages are numbered densely, and one page alone 70 KiB at most. A chunk in which anything
// has changed takes 20 bytes more for each of its pages until that is committed: the committed
// entry, and the epoch of the newest. Versions between the two cost 24 bytes each. What a commit
// leaves of that is kept for the changes that come next, until the commit after it: freed by one
// thread and allocated by another again and again, it would leave holes in the heap of each.
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
    //   Requires    page in [1, last_mapped_page]; 0 < epoch < UINT32_MAX, and beyond the last one
    //               committed
    //   Effects     the page has this entry from that epoch on, until its next version
    outcome put(page_id page, std::uint32_t epoch, const page_entry& entry) {
        return add(page, epoch, entry);
    }
    //   Returns     where the image is that the page has had since this epoch; no place: it has
    //               none of its own
    [[nodiscard]] page_place place_since(page_id page, std::uint32_t epoch) const noexcept {
        const chunk* const in = find(page);
        if (in == nullptr || !in->since || in->since->epoch[low(page)] != epoch) return {};
        return in->newest[low(page)].place;
    }
    //   Effects     the newest version is `to`, if it still is what it was
    //   Returns     whether it was; nothing is changed otherwise
    [[nodiscard]] bool move(page_id page, const page_entry& from, const page_entry& to,
                            outcome& done) {
        chunk* const in = find(page);
        if (in == nullptr || in->newest[low(page)] != from) return false;
        const bool changed = in->since && in->since->has(low(page));
        done = add(page, changed ? in->since->epoch[low(page)] : moved_epoch, to);
        return true;
    }

    // Calls each(page, entry) for every page from `from` on with a version up to this epoch,
    // ascending, with the last of them, until it returns false.
    template <class Each>
    void for_each_change(std::uint32_t epoch, page_id from, Each each) {
        sort_changed();
        bool go_on = true;
        for (const std::uint32_t number : changed_) {
            if (number < from.value >> 8) continue;
            const chunk& in = *chunk_of(number);
            for_each_pending(in, epoch, [&](std::uint8_t page, const group& here) {
                const page_id id{std::uint64_t{number} << 8 | page};
                if (!go_on || id < from) return;
                if (in.since->epoch[page] <= epoch) go_on = each(id, in.newest[page]);
                else if (here.later != here.first)
                    go_on = each(id, in.since->between[here.later - 1].entry);
            });
            if (!go_on) return;
        }
    }
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        std::size_t sum = changed_.capacity() * sizeof(std::uint32_t) + chunks_ * sizeof(chunk);
        for (const auto& each : upper_)
            if (each) sum += sizeof(chunks);
        sum += unused_.capacity() * sizeof(owned<pending>) + unused_.size() * sizeof(pending);
        for (const std::uint32_t number : changed_)
            sum += sizeof(pending) + chunk_of(number)->since->between.capacity() * sizeof(version);
        return sum;
    }
    // Nothing up to this epoch is committed any more but what for_each_change(epoch) tells.
    //   Effects     calls freed(place) for images that are older than that; what it tells, and the
    //               newest entries, stay as they are
    template <class Freed>
    void forget_between(std::uint32_t epoch, Freed freed) {
        for (const std::uint32_t number : changed_) {
            const chunk& in = *chunk_of(number);
            std::vector<version>& all = in.since->between;
            if (all.empty()) continue;
            std::size_t left = 0;
            for_each_pending(in, epoch, [&](std::uint8_t page, const group& here) {
                const bool newest = in.since->epoch[page] <= epoch;
                for (std::size_t at = here.first; at < here.end; ++at) {
                    if (at >= here.later || (!newest && at + 1 == here.later))
                        all[left++] = all[at];
                    else tell(all[at].entry, freed);
                }
            });
            all.resize(left);
        }
    }
    //   Effects     what for_each_change(epoch) tells is the committed state now; calls
    //               freed(place) for what it takes the place of
    template <class Freed>
    void commit(std::uint32_t epoch, Freed freed) {
        give_back_unused();
        std::size_t left = 0;
        for (const std::uint32_t number : changed_) {
            chunk& in = *chunk_of(number);
            commit_chunk(in, epoch, freed);
            if (in.since->count != 0) changed_[left++] = number;
            else unused_.push_back(std::move(in.since));
        }
        changed_.resize(left);
    }
    // Nothing changes for a while.
    void give_back_unused() { std::vector<owned<pending>>{}.swap(unused_); }

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
            for (std::uint64_t page = 0; page < 256; ++page) {
                const bool changed = in->since && in->since->has(static_cast<std::uint8_t>(page));
                const page_entry& entry = changed ? in->since->committed[page] : in->newest[page];
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
        page_entry entry;
    };
    static_assert(sizeof(version) == 24);

    // Of a chunk, since the last commit.
    struct pending {
        static constexpr std::uint32_t none = UINT32_MAX;

        page_entry committed[256];     // of pages that have changed
        std::uint32_t epoch[256];      // of their newest entries; none: it has not changed
        std::uint32_t count = 0;       // of them
        std::vector<version> between;  // by page, then by epoch

        pending() noexcept {
            for (std::uint32_t& each : epoch) each = none;
        }
        [[nodiscard]] bool has(std::uint8_t page) const noexcept { return epoch[page] != none; }
    };
    struct chunk {
        page_entry newest[256];
        owned<pending> since;  // none: nothing has changed
    };
    struct chunks {
        owned<chunk> of[4096];
    };
    // The versions of one page between its committed and its newest one, and the first of them that
    // is later than an epoch.
    struct group {
        std::size_t first;
        std::size_t later;
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
        if (!found) {
            found = owned<chunk>{new chunk};
            ++chunks_;
        }
        return *found;
    }

    // The first version behind those of a page.
    [[nodiscard]] static std::size_t end_of(const std::vector<version>& all,
                                            std::uint8_t page) noexcept {
        std::size_t from = 0;
        std::size_t to = all.size();
        while (from < to) {
            const std::size_t middle = from + (to - from) / 2;
            if (all[middle].page <= page) from = middle + 1;
            else to = middle;
        }
        return from;
    }
    template <class Each>
    [[nodiscard]] static bool tell_live(const chunk& in, page_id page, Each& each) {
        const auto go_on = [&](const page_entry& one) {
            return one.place.is_none() || each(page, one);
        };
        const std::uint8_t at = low(page);
        if (in.since && in.since->has(at)) {
            if (!go_on(in.since->committed[at])) return false;
            const std::vector<version>& all = in.since->between;
            std::size_t begin = end_of(all, at);
            while (begin != 0 && all[begin - 1].page == at) --begin;
            for (; begin < all.size() && all[begin].page == at; ++begin)
                if (!go_on(all[begin].entry)) return false;
        }
        return go_on(in.newest[at]);
    }
    [[nodiscard]] owned<pending> make_pending() {
        if (unused_.empty()) return owned<pending>{new pending};
        owned<pending> made = std::move(unused_.back());
        unused_.pop_back();
        return made;
    }
    outcome add(page_id page, std::uint32_t epoch, const page_entry& entry) {
        chunk& in = make(page);
        const std::uint8_t at = low(page);
        if (!in.since) {
            in.since = make_pending();
            changed_.push_back(number_of(page));
        }
        pending& since = *in.since;
        page_entry& newest = in.newest[at];
        outcome done{{}, newest.place, {}};
        if (!since.has(at)) {
            since.committed[at] = std::exchange(newest, entry);
            since.epoch[at] = epoch;
            ++since.count;
        } else if (epoch == since.epoch[at]) {
            done.freed = std::exchange(newest, entry).place;
        } else if (epoch > since.epoch[at]) {
            put_between(since.between, {since.epoch[at], at, newest});
            newest = entry;
            since.epoch[at] = epoch;
        } else {
            done.freed = put_between(since.between, {epoch, at, entry});
        }
        done.is = newest.place;
        return done;
    }
    //   Returns     the place of the one of the same epoch that was there
    static page_place put_between(std::vector<version>& all, const version& what) {
        std::size_t at = end_of(all, what.page);
        while (at != 0 && all[at - 1].page == what.page && all[at - 1].epoch > what.epoch) --at;
        if (at != 0 && all[at - 1].page == what.page && all[at - 1].epoch == what.epoch)
            return std::exchange(all[at - 1].entry, what.entry).place;
        all.insert(all.begin() + static_cast<std::ptrdiff_t>(at), what);
        return {};
    }

    // Calls each(page, group) for every page that has changed, ascending.
    template <class Each>
    static void for_each_pending(const chunk& in, std::uint32_t epoch, Each each) {
        const std::vector<version>& all = in.since->between;
        std::size_t at = 0;
        for (unsigned number = 0; number < 256; ++number) {
            const auto page = static_cast<std::uint8_t>(number);
            if (!in.since->has(page)) continue;
            group here{at, at, at};
            for (; here.end < all.size() && all[here.end].page == page; ++here.end)
                if (all[here.end].epoch <= epoch) here.later = here.end + 1;
            at = here.end;
            each(page, here);
        }
    }
    template <class Freed>
    static void tell(const page_entry& gone, Freed& freed) {
        if (!gone.place.is_none()) freed(gone.place);
    }
    template <class Freed>
    static void commit_chunk(chunk& in, std::uint32_t epoch, Freed& freed) {
        pending& since = *in.since;
        std::vector<version>& all = since.between;
        std::size_t left = 0;
        for_each_pending(in, epoch, [&](std::uint8_t page, const group& here) {
            const bool newest = since.epoch[page] <= epoch;
            if (newest || here.later != here.first) tell(since.committed[page], freed);
            for (std::size_t at = here.first; at < here.end; ++at) {
                if (at >= here.later) all[left++] = all[at];
                else if (newest || at + 1 != here.later) tell(all[at].entry, freed);
                else since.committed[page] = all[at].entry;
            }
            if (!newest) return;
            since.epoch[page] = pending::none;
            --since.count;
        });
        all.resize(left);
        if (left == 0) std::vector<version>{}.swap(all);  // the next commit's are in other chunks
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
    std::size_t chunks_ = 0;              // that are there
    std::vector<std::uint32_t> changed_;  // those in which anything has changed
    std::vector<owned<pending>> unused_;  // since the last commit, and without anything in them
};

}  // namespace mantis
