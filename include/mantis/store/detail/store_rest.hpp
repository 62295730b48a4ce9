// SPDX-License-Identifier: BSL-1.0
//
// What there is of a store with tables in pages to be given back while nothing is committed: the
// host of idle_rest.hpp.
//
// Threads: one, the store's checkpoint thread.
#pragma once

#include "idle_rest.hpp"

namespace mantis::detail {

template <class Core>
class store_rest {
public:
    explicit store_rest(Core* core) noexcept : core_{core} {}

    [[nodiscard]] nanoseconds now() const { return core_->platform_.now(); }
    [[nodiscard]] lsn end() const { return core_->engine_->now_applied().end; }
    [[nodiscard]] bool rests() const { return core_->tables_.storage().rests(); }
    [[nodiscard]] bool pack() const {
        auto& storage = core_->tables_.storage();
        if (core_->checkpointer_->is_stopped()) return false;
        if (storage.pack([this] { return core_->engine_->pause(); })) return true;
        return storage.compact() && core_->make_checkpoint(true);
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

private:
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
};

}  // namespace mantis::detail
