// SPDX-License-Identifier: BSL-1.0
//
// The tables of a store, by id and by name.
//
// Ids count up from 1 and are never used twice; names are unique among the tables that are not
// dropped.
//
// Threads: any number at once; find() by id takes no mutex. Table objects never move and live as
// long as the set.
#pragma once

#include "table.hpp"

#include "../core/owned.hpp"
#include "../platform/guard.hpp"

#include <bit>
#include <vector>

namespace mantis {

template <class Platform, class... Indexes>
class table_set {
public:
    using table_type = table<Platform, Indexes...>;
    using storage_type = index_storage_of<Platform, Indexes...>;
    // Whether some tables are in pages, or wherever a storage keeps them.
    static constexpr bool has_storage = !std::is_same_v<storage_type, no_index_storage>;

    [[nodiscard]] storage_type& storage() noexcept { return storage_; }

    //   Returns     the table, dropped or not; nullptr if there never was one of that id
    [[nodiscard]] table_type* find(table_id id) const {
        if (id.value == 0 || id.value >> most_runs != 0) return nullptr;
        const slot* const run = runs_[run_of(id)].load(orders::acquire);
        return run == nullptr ? nullptr : run[place_in_run(id)].load(orders::acquire);
    }
    //   Returns     the table of that name, or nullptr
    [[nodiscard]] table_type* find(bytes_view name) const {
        lock_guard<mutex> hold{mutex_};
        for (const auto& each : tables_)
            if (each->name() == name && !each->dropped()) return &*each;
        return nullptr;
    }
    [[nodiscard]] table_id next_id() const {
        lock_guard<mutex> hold{mutex_};
        return {tables_.size() + 1};
    }
    //   Returns     all that are not dropped, by id
    [[nodiscard]] std::vector<table_type*> all() const {
        lock_guard<mutex> hold{mutex_};
        std::vector<table_type*> live;
        for (const auto& each : tables_)
            if (!each->dropped()) live.push_back(&*each);
        return live;
    }

    //   Returns     the table, made by the commit that ends at `version`
    //   Errors      corrupt (ids do not follow each other), mismatch (no such index in this build),
    //               those of the storage
    [[nodiscard]] result<table_type*> add(table_id id, bytes_view name, bytes_view index_name,
                                          lsn version) {
        if (const table_id expected = next_id(); id != expected)
            return error{error_code::corrupt, "adding a table: its id does not follow"}
                .about(name)
                .with("table", id.value)
                .with("expected", expected.value);
        auto made = make(name, index_name, version);
        if (!made) return std::move(made.error());
        return add(std::move(*made), version);
    }
    // The same in two steps, for who has to know that nothing can fail: between the two the table
    // is in no set, and discard() undoes the first.
    //   Requires    one at a time; `version` is not known yet: none is newer
    //   Errors      mismatch, those of the storage
    [[nodiscard]] result<owned<table_type>> make(bytes_view name, bytes_view index_name,
                                                 lsn version = {UINT64_MAX}) {
        owned<table_type> made{new table_type{next_id(), name, version}};
        if (auto indexed = made->make_index(index_name, storage_, version); !indexed)
            return std::move(indexed.error());
        return made;
    }
    table_type* add(owned<table_type> made, lsn version) {
        made->recovered(version);
        lock_guard<mutex> hold{mutex_};
        return append(std::move(made));
    }

    //   Effects     the next id stands for a table that was dropped
    void add_dropped(lsn version) {
        lock_guard<mutex> hold{mutex_};
        owned<table_type> gone{new table_type{{tables_.size() + 1}, {}, version}};
        gone->never_was();
        append(std::move(gone));
    }

    //   Requires    nobody else uses the set; handles to its tables are no more
    void clear() {
        lock_guard<mutex> hold{mutex_};
        for (auto& run : runs_) run.store(nullptr, orders::release);
        memory_of_runs_.clear();
        tables_.clear();
    }

private:
    using mutex = typename Platform::mutex;
    using orders = typename Platform::memory_order;
    using slot = typename Platform::template atomic<table_type*>;

    // Run n has the ids from 2^n to 2^(n+1) - 1: it never has to move.
    static constexpr unsigned most_runs = 40;
    [[nodiscard]] static unsigned run_of(table_id id) noexcept {
        return static_cast<unsigned>(std::bit_width(id.value)) - 1;
    }
    [[nodiscard]] static std::size_t place_in_run(table_id id) noexcept {
        return static_cast<std::size_t>(id.value - (std::uint64_t{1} << run_of(id)));
    }

    //   Requires    mutex_
    table_type* append(owned<table_type> made) {
        tables_.push_back(std::move(made));
        table_type* const added = &*tables_.back();
        const table_id id{tables_.size()};
        check(id.value >> most_runs == 0, "a table_set has no more ids");
        if (runs_[run_of(id)].load(orders::relaxed) == nullptr) {
            memory_of_runs_.emplace_back(std::size_t{1} << run_of(id));
            runs_[run_of(id)].store(memory_of_runs_.back().data(), orders::release);
        }
        runs_[run_of(id)].load(orders::relaxed)[place_in_run(id)].store(added, orders::release);
        return added;
    }

    storage_type storage_;  // before the tables: their indexes use it
    mutable mutex mutex_;   // changes; and the names
    std::vector<owned<table_type>> tables_;
    std::vector<std::vector<slot>> memory_of_runs_;
    typename Platform::template atomic<slot*> runs_[most_runs] = {};
};

}  // namespace mantis
