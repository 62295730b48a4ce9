// SPDX-License-Identifier: BSL-1.0
//
// A buffer pool whose pages can be read for ever, and changed until somebody stops that, and while
// what is dirty can be written.
//
// What is changed already may still be written, so that frames can be had for reading.
//
// A full disk. As long as the reserve of the store is whole it has room for every frame and side
// copy. From then on a page is changed only if what is left has room for all that is dirty, for the
// page, and for what other threads are about to change.
//
// Threads: any number.
#pragma once

#include "../../page/buffer_pool.hpp"

namespace mantis::detail {

template <class Platform, class Source>
class stoppable_pool : public buffer_pool<Platform, Source> {
    using base = buffer_pool<Platform, Source>;

public:
    using typename base::exclusive;
    using typename base::optimistic;

    stoppable_pool(Source& source, const buffer_pool_options& options)
        : base{source, options}, source_{&source} {}

    //   Effects     calls that begin later are refused
    void stop() { stopped_.store(true, Platform::memory_order::release); }
    [[nodiscard]] bool is_stopped() const { return stopped_.load(Platform::memory_order::acquire); }

    // Whether there is room for another round of merging nodes, which may be left undone, after
    // what was admitted.
    [[nodiscard]] bool may_merge() {
        return !admits_.load(Platform::memory_order::acquire) ||
               source_->promise_more(changes_of_merge, left_besides(), base::page_bytes());
    }
    // Room for what is dirty, and for pages that are changed so often from now on; of the reserve
    // so many images are left at least. From the first call on nobody else changes pages.
    //   Errors      no_space
    //   Complexity  looks at every frame now and then, and where the reserve has to grow
    [[nodiscard]] result<void> admit(std::uint64_t changes, std::uint64_t besides) {
        const std::uint64_t left = besides > left_besides() ? besides : left_besides();
        if (admits_.load(Platform::memory_order::acquire) &&
            source_->promise_more(changes, left, base::page_bytes()))
            return success();
        auto room = source_->promise(unwritten_images() + changes, left, base::page_bytes());
        if (room) admits_.store(true, Platform::memory_order::release);
        return room;
    }

    //   Effects     as before the first call of admit()
    //   Threads     as admit()
    void end_admitting() { admits_.store(false, Platform::memory_order::release); }

    // The same for a few changes of who does not admit.
    [[nodiscard]] result<void> admit_more(std::uint64_t changes) {
        if (!admits_.load(Platform::memory_order::acquire) ||
            source_->promise_more(changes, left_besides(), base::page_bytes()))
            return success();
        return error{error_code::no_space, "changing pages: a checkpoint might find no room"};
    }

    // Pages that calls which were let in may make dirty yet.
    static constexpr std::uint64_t about_to_change = 16;
    // Images that the next commit has to write, at most.
    //   Complexity  looks at every frame
    [[nodiscard]] std::uint64_t unwritten_images() {
        const buffer_pool_stats now = base::stats();
        return std::uint64_t{now.dirty} + now.side_copies_waiting;
    }

    //   Errors      besides those of the pool: read_only; no_space: a commit might not find room
    //               for it. So the next two
    [[nodiscard]] result<exclusive> change(page_id page) {
        if (auto refused = may_change(); !refused) return std::move(refused).error();
        return base::change(page);
    }
    [[nodiscard]] result<exclusive> upgrade(const optimistic& seen) {
        if (auto refused = may_change(); !refused) return std::move(refused).error();
        return base::upgrade(seen);
    }
    [[nodiscard]] result<exclusive> make(page_id page) {
        if (auto refused = may_change(); !refused) return std::move(refused).error();
        return base::make(page);
    }

private:
    [[nodiscard]] result<void> may_change() {
        if (is_stopped())
            return error{
                error_code::read_only,
                "changing a page: opened to be read only, or a checkpoint failed half way"};
        if (!source_->is_tight()) return success();
        if (admits_.load(Platform::memory_order::acquire) && source_->promised() != 0)
            return success();
        if (unwritten_images() + about_to_change < source_->reserved_images(base::page_bytes()))
            return success();
        return error{error_code::no_space,
                     "changing a page: no checkpoint could write it before others and a cleaning"};
    }

    // The parent, two pairs of its children, and the child that a root takes the contents of.
    static constexpr std::uint64_t changes_of_merge = 6;
    // For the cleaner, or the manifest, and for what is changed in vain.
    [[nodiscard]] std::uint64_t left_besides() {
        return source_->left_images(base::page_bytes()) + about_to_change;
    }

    Source* const source_;
    typename Platform::template atomic<bool> stopped_{false};
    typename Platform::template atomic<bool> admits_{false};
};

}  // namespace mantis::detail
