// SPDX-License-Identifier: BSL-1.0
//
// A buffer pool whose pages can be read for ever, and changed until somebody stops that.
//
// What is changed already may still be written, so that frames can be had for reading.
//
// Threads: any number.
#pragma once

#include "../../page/buffer_pool.hpp"

namespace mantis::detail {

template <class Platform, class Source>
class stoppable_pool : public buffer_pool<Platform, Source> {
    using base = buffer_pool<Platform, Source>;

public:
    using base::base;
    using typename base::exclusive;
    using typename base::optimistic;

    //   Effects     calls that begin later are refused
    void stop() { stopped_.store(true, Platform::memory_order::release); }
    [[nodiscard]] bool is_stopped() const { return stopped_.load(Platform::memory_order::acquire); }

    //   Errors      besides those of the pool: read_only; so the next two
    [[nodiscard]] result<exclusive> change(page_id page) {
        return is_stopped() ? refusal() : base::change(page);
    }
    [[nodiscard]] result<exclusive> upgrade(const optimistic& seen) {
        return is_stopped() ? refusal() : base::upgrade(seen);
    }
    [[nodiscard]] result<exclusive> make(page_id page) {
        return is_stopped() ? refusal() : base::make(page);
    }

private:
    [[nodiscard]] static result<exclusive> refusal() {
        return error{error_code::read_only,
                     "changing a page: opened to be read only, or a checkpoint failed half way"};
    }

    typename Platform::template atomic<bool> stopped_{false};
};

}  // namespace mantis::detail
