// SPDX-License-Identifier: BSL-1.0
//
// What there is of a store with tables in pages to be given back while nothing is committed: the
// host of idle_rest.hpp. Or at once, when somebody asks for that.
//
// Threads: any number compact(), one after the other; only the store's checkpoint thread calls the
// others.
#pragma once

#include "idle_rest.hpp"

#include "../../index/index_storage.hpp"

namespace mantis::detail {

template <class Core>
class store_rest {
    using mutex = typename Core::mutex;

public:
    explicit store_rest(Core* core) noexcept : core_{core} {}

    [[nodiscard]] nanoseconds now() const { return core_->platform_.now(); }
    [[nodiscard]] lsn end() const { return core_->engine_->now_applied().end; }
    [[nodiscard]] bool rests() const { return core_->tables_.storage().rests(); }
    [[nodiscard]] bool pack() const {
        auto& storage = core_->tables_.storage();
        if (core_->checkpointer_->is_stopped()) return false;
        if (storage.pack([this] { return core_->engine_->pause(); })) return true;
        return storage.compact() && core_->checkpoint(true);
    }
    [[nodiscard]] bool log_rests() const {
        if (!is_cheap()) return false;
        if (!is_log_wanted() && has_plenty()) {
            const auto small = core_->log_->rest();
            if (small && *small && !core_->engine_->mark()) return false;
        }
        return core_->checkpoint().has_value();
    }
    [[nodiscard]] bool storage_rests() const {
        return core_->tables_.storage().rest(has_plenty(),
                                             [this] { return core_->engine_->pause(); });
    }

    // One look of an idle_rest that this is the host of, unless somebody compacts: checkpoints are
    // made meanwhile.
    //   Returns     whether to look again
    template <class Idle>
    [[nodiscard]] bool look(Idle& idle) {
        if (!resting_.try_lock()) return true;
        const bool later = idle.look();
        resting_.unlock();
        return later;
    }
    // All of it, whatever is committed meanwhile. A rest is only where nothing is.
    //   Errors      those of a checkpoint
    [[nodiscard]] result<storage_stats> compact() {
        const lock_guard<mutex> alone{resting_};
        auto& storage = core_->tables_.storage();
        storage.want_packing();
        while (storage.pack([this] { return core_->engine_->pause(); })) {}
        for (int round = 0; round < most_rounds && storage.compact(); ++round)
            if (auto made = core_->checkpoint(true); !made) return made.error();
        for (int round = 0, in_vain = 0; round < most_rounds && in_vain < 2; ++round) {
            const std::uint64_t before = storage.stats().disk_bytes;
            if (auto made = core_->checkpoint(true); !made) return made.error();
            in_vain = storage.stats().disk_bytes < before ? 0 : in_vain + 1;
        }
        if (storage.stats().pages == 0) return storage.stats();
        // A log that was only read has no segment of its own yet, to be followed by a small one.
        if (core_->engine_->mark() && log_rests()) (void)storage_rests();
        return storage.stats();
    }

private:
    // While much is changed there is always something more.
    static constexpr int most_rounds = 256;

    // So that what is given back is there again when it is wanted.
    [[nodiscard]] bool has_plenty() const {
        return core_->tables_.storage().has_plenty_besides(core_->options_.segment_bytes);
    }
    // The image beside the pages is small.
    [[nodiscard]] bool is_cheap() const {
        return core_->last_checkpoint().bytes < core_->options_.segment_bytes / 8;
    }
    // By others, when a checkpoint needs it no more.
    [[nodiscard]] bool is_log_wanted() const {
        const store_options& chosen = core_->options_;
        return chosen.keep_log || chosen.archive || chosen.keep_log_bytes != 0 ||
               chosen.keep_log_for != nanoseconds{};
    }

    Core* const core_;
    mutex resting_;  // held by who packs, moves and gives back
};

}  // namespace mantis::detail
