// SPDX-License-Identifier: BSL-1.0
//
// The files of tables in pages, for a scrubber: the manifest, and each image of a page that
// something refers to.
//
// Of an open store: an image whose page is in memory with the same bytes is put elsewhere, and made
// durable by a checkpoint; a damaged manifest is rewritten. detail/stored_page_scrub.hpp is for a
// database that nobody has opened.
//
// Threads: as for scrub_source.
#pragma once

#include "scrubber.hpp"

#include "../recovery/page_damage.hpp"

namespace mantis {

namespace detail {

// What a storage tells, for a pass of a scrubber. What was restored is told as repaired when a
// checkpoint has made it durable.
template <class Platform>
class page_scrub_sink {
public:
    using make_durable = bool (*)(void* owner);

    page_scrub_sink(scrub_pass<Platform>& pass, make_durable call, void* owner) noexcept
        : pass_{&pass}, make_durable_{call}, owner_{owner} {}

    [[nodiscard]] bool spend(std::uint64_t size) { return pass_->spend(size); }
    void add_file() noexcept { pass_->add_file(); }
    void add_page() noexcept { pass_->add_page(); }
    void found(page_damage what) {
        scrub_finding told;
        told.kind = what.code == error_code::corrupt || what.code == error_code::mismatch
                        ? scrub_kind::damaged
                    : what.code == error_code::not_found ? scrub_kind::missing
                                                         : scrub_kind::unreadable;
        told.file = std::move(what.file);
        told.offset = what.offset;
        told.page = what.page;
        told.table = what.table;
        if (!what.restored) return pass_->found(std::move(told));
        waiting_.push_back(std::move(told));
        if (waiting_.size() >= most_waiting) settle();
    }
    //   Effects     all is told
    void settle() {
        if (waiting_.empty()) return;
        const bool repaired = make_durable_ != nullptr && make_durable_(owner_);
        for (scrub_finding& each : waiting_) {
            each.repaired = repaired;
            pass_->found(std::move(each));
        }
        waiting_.clear();
    }

private:
    static constexpr std::size_t most_waiting = 64;

    scrub_pass<Platform>* pass_;
    make_durable make_durable_;
    void* owner_;
    std::vector<scrub_finding> waiting_;
};

}  // namespace detail

template <class Platform, class Storage>
class page_scrub {
public:
    //   Requires    storage and owner outlive it; make_durable(owner) makes a checkpoint, also
    //               where nothing was committed since the last one, and answers whether it did
    page_scrub(Storage& storage, bool (*make_durable)(void* owner), void* owner) noexcept
        : storage_{&storage}, make_durable_{make_durable}, owner_{owner} {}

    [[nodiscard]] scrub_source<Platform> source() noexcept { return {&scrub, this}; }

private:
    static void scrub(void* self, scrub_pass<Platform>& pass) {
        const auto& own = *static_cast<page_scrub*>(self);
        detail::page_scrub_sink<Platform> sink{pass, own.make_durable_, own.owner_};
        own.storage_->scrub(sink);
        sink.settle();
    }

    Storage* storage_;
    bool (*make_durable_)(void* owner);
    void* owner_;
};

}  // namespace mantis
