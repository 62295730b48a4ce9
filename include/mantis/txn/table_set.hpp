// SPDX-License-Identifier: BSL-1.0
//
// The tables of a store, by id and by name.
//
// Ids count up from 1 and are never used twice; names are unique among the tables that are not
// dropped.
//
// Threads: any number at once. Table objects never move and live as long as the set.
#pragma once

#include "table.hpp"

#include "../core/owned.hpp"
#include "../platform/guard.hpp"

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
        lock_guard<mutex> hold{mutex_};
        return id.value - 1 < tables_.size() ? &*tables_[static_cast<std::size_t>(id.value - 1)]
                                             : nullptr;
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
        tables_.push_back(std::move(made));
        return &*tables_.back();
    }

    //   Effects     the next id stands for a table that was dropped
    void add_dropped(lsn version) {
        lock_guard<mutex> hold{mutex_};
        tables_.push_back(owned<table_type>{new table_type{{tables_.size() + 1}, {}, version}});
        tables_.back()->never_was();
    }

    //   Requires    nobody else uses the set; handles to its tables are no more
    void clear() {
        lock_guard<mutex> hold{mutex_};
        tables_.clear();
    }

private:
    using mutex = typename Platform::mutex;

    storage_type storage_;  // before the tables: their indexes use it
    mutable mutex mutex_;
    std::vector<owned<table_type>> tables_;
};

}  // namespace mantis
