// SPDX-License-Identifier: BSL-1.0
//
// A database: tables of ordered keys, changed by transactions, in one directory.
//
//   struct ledger : mantis::policies<mantis::with::durability<mantis::group_commit>> {};
//
//   auto db       = mantis::store<ledger>::open("ledger.db").value();
//   auto accounts = db.table("accounts").value();
//   auto tx       = db.begin();
//   tx.put(accounts, "alice", "90");
//   auto done     = tx.commit();
//
// Threads: any number at once, but open(), close(), moves and the destructor. Transactions and
// handles live no longer than the store.
#pragma once

#include "core.hpp"
#include "policies.hpp"

namespace mantis {

namespace detail {

template <class Platform, class Checksum, class Durability, class Indexes>
struct core_of;
template <class Platform, class Checksum, class Durability, class... Indexes>
struct core_of<Platform, Checksum, Durability, index_list<Indexes...>> {
    using type = store_core<Platform, Checksum, Durability, Indexes...>;
};

template <class List>
struct first_of;
template <class First, class... Rest>
struct first_of<index_list<First, Rest...>> {
    using type = First;
};

}  // namespace detail

template <class App = default_policies>
class store : private policy_sentences<App> {
public:
    using platform_type = typename checked<App>::platform;
    using durability_type = typename checked<App>::durability;
    using core_type =
        typename detail::core_of<platform_type, typename checked<App>::checksum, durability_type,
                                 typename checked<App>::indexes>::type;
    using engine_type = typename core_type::engine_type;
    using default_index = typename detail::first_of<typename checked<App>::indexes>::type;
    using table_handle = basic_table_handle<engine_type>;
    using transaction_type = transaction<engine_type>;
    using cursor_type = cursor<engine_type>;

    // Opens the database in the directory `path`, replaying its log; makes one where there is none,
    // if the options say so.
    //   Errors      locked (another opener, by process id), not_found, corrupt (file, offset, lsn),
    //               mismatch (a policy that shapes bytes on disk, by slot), io, no_space: the
    //               database is as it was
    //   Complexity  linear in the log
    [[nodiscard]] static result<store> open(bytes_view path, const store_options& options = {},
                                            platform_type world = {}) {
        auto core = core_type::open(path, options, std::move(world));
        if (!core) return core.error();
        return store{std::move(*core)};
    }

    //   Returns     the table of that name, made if there is none, with the first index of
    //               with::indexes or the named one
    //   Errors      mismatch (it exists with another index), read_only, no_space, unknown_outcome,
    //               invalid_argument, closed
    template <class Index = default_index>
    [[nodiscard]] result<table_handle> table(bytes_view name) {
        static_assert(core_type::tables_type::table_type::template has_index<Index>,
                      "mantis: store::table<Index>: this store's with::indexes lacks the Index");
        if (!open()) return closed();
        auto made = core_->engine().create_table(name, Index::name);
        if (!made) return made.error();
        if ((*made)->index_name() != bytes_view{Index::name})
            return error{error_code::mismatch, "opening a table: it was made with another index"}
                .about((*made)->index_name())
                .with("table", (*made)->id().value);
        return table_handle{**made};
    }
    // These two tell also of tables whose making is not durable yet; what is read through a handle
    // is, as far as the durability policy promises.
    [[nodiscard]] std::optional<table_handle> find_table(bytes_view name) const {
        if (!open()) return std::nullopt;
        auto* const found = core_->tables().find(name);
        if (found == nullptr) return std::nullopt;
        return table_handle{*found};
    }
    [[nodiscard]] std::vector<table_info> tables() const {
        std::vector<table_info> infos;
        if (!open()) return infos;
        for (const auto* each : core_->tables().all()) infos.push_back(core_type::describe(*each));
        return infos;
    }
    //   Effects     the table and its rows are gone; its handles answer not_found
    [[nodiscard]] result<void> drop_table(const table_handle& dropped) {
        if (!open()) return closed();
        return core_->engine().drop_table(dropped.inner());
    }

    //   Requires    the store is open, and outlives the transaction
    [[nodiscard]] transaction_type begin(isolation level = isolation::serializable) {
        check(open(), "store::begin() of a closed store");
        return {core_->engine(), level};
    }
    //   Returns     the newest committed value, or none
    [[nodiscard]] result<std::optional<bytes>> get(const table_handle& from, bytes_view key) {
        if (!open()) return closed();
        auto found = core_->engine().read(from.inner(), key);
        if (!found) return found.error();
        return std::move(found->value);
    }

    //   Effects     everything committed before the call survives power loss, whatever the
    //               durability policy
    [[nodiscard]] result<void> flush() { return open() ? core_->flush() : closed(); }
    // Walks every index and reads the whole log again; commits wait meanwhile.
    //   Errors      corrupt (what and where), io
    [[nodiscard]] result<store_verification> verify() {
        if (!open()) return closed();
        return core_->verify();
    }
    //   Effects     everything is durable and the directory is free; done by the destructor
    //               otherwise, errors unseen
    [[nodiscard]] result<void> close() {
        if (!open()) return success();
        auto done = core_->close();
        core_.reset();
        return done;
    }

    [[nodiscard]] store_stats stats() const { return open() ? core_->stats() : store_stats{}; }
    // What reaches the files, for show_files() (metrics/files.hpp); lives until close().
    //   Requires    the store is open
    [[nodiscard]] retrying<platform_type>& files() {
        check(open(), "store::files() of a closed store");
        return core_->files();
    }
    [[nodiscard]] recovery_summary recovery() const {
        return open() ? core_->recovery() : recovery_summary{};
    }

private:
    explicit store(owned<core_type> core) noexcept : core_{std::move(core)} {}

    [[nodiscard]] bool open() const noexcept { return static_cast<bool>(core_); }
    static error closed() { return {error_code::closed, "using a store after close()"}; }

    owned<core_type> core_;
};

}  // namespace mantis
