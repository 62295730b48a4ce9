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
    // The same, whichever index of with::indexes a table of that name was made with.
    //   Errors      as table(), but for mismatch
    [[nodiscard]] result<table_handle> table_as_made(bytes_view name) {
        if (!open()) return closed();
        auto made = core_->engine().create_table(name, default_index::name);
        if (!made) return made.error();
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
    [[nodiscard]] transaction_type begin(isolation level = isolation::serializable,
                                         durability_class how = engine_type::policy_class) {
        check(open(), "store::begin() of a closed store");
        return {core_->engine(), level, how};
    }
    //   Returns     the newest committed value, or none
    [[nodiscard]] result<std::optional<bytes>> get(const table_handle& from, bytes_view key) {
        if (!open()) return closed();
        auto found = core_->engine().read(from.inner(), key);
        if (!found) return found.error();
        return std::move(found->value);
    }

    // About how many rows there are with from <= key < to, or to the end where `to` is empty: for
    // who chooses between ways to find some. Of a table in pages it is what the two ways down to
    // the keys say, and exact within one leaf; of a table in memory it is their number.
    //   Errors      not_found: the table was dropped; those of its index
    [[nodiscard]] result<std::uint64_t> estimate(const table_handle& of, bytes_view from,
                                                 bytes_view to) {
        return ask(of, [&](const auto& table) { return table.estimate(from, to); });
    }
    // Where the space of a table goes: levels and nodes of its tree, and how full they are.
    //   Errors      likewise
    //   Complexity  of a table in pages: reads its inner nodes, about a hundredth of its pages, and
    //               at most 128 leaves
    [[nodiscard]] result<index_shape> shape(const table_handle& of) {
        return ask(of, [](const auto& table) { return table.shape(); });
    }

    //   Effects     everything committed before the call survives power loss, whatever the
    //               durability policy
    //   Errors      unknown_outcome, closed
    [[nodiscard]] result<void> flush() { return open() ? core_->flush() : closed(); }
    //   Effects     that commit survives power loss, and so do all before it
    //   Errors      unknown_outcome: opening the store again tells; invalid_argument: it was
    //               answered by another opening, and this one cannot tell; closed
    [[nodiscard]] result<void> wait_durable(const commit_info& done) {
        return open() ? core_->engine().wait_durable(done) : closed();
    }
    // Writes the rows of all tables to an image, while commits go on: the next opening reads it,
    // and the log only since now. Segments before are removed (store_options::keep_log).
    //   Returns     what was made, or the last one, if nothing was committed since
    //   Errors      no_space, io: all is as it was; read_only, unknown_outcome, closed
    [[nodiscard]] result<checkpoint_info> checkpoint() {
        return open() ? core_->checkpoint() : closed();
    }
    // Makes files as small as they can be while commits go on: packs leaves that are not full,
    // moves pages together on the disk, and where nobody commits meanwhile and the disk has plenty
    // of room, gives back what is kept for changes (docs/pages.md#at-rest).
    //   Returns     what is left
    //   Errors      as checkpoint(): some space may have been given back
    [[nodiscard]] result<storage_stats> compact() {
        if (!open()) return closed();
        return core_->compact();
    }
    //   Returns     the last one, of this opening or an earlier one; redo_from {}: there is none
    [[nodiscard]] checkpoint_info last_checkpoint() const {
        return open() ? core_->last_checkpoint() : checkpoint_info{};
    }
    // Whether the recovery objectives of the options are kept.
    [[nodiscard]] recovery_objectives objectives() const {
        return open() ? core_->objectives() : recovery_objectives{};
    }
    // Walks every index and reads the log since the last checkpoint again; commits wait meanwhile.
    //   Errors      corrupt (what and where), io
    [[nodiscard]] result<store_verification> verify() {
        if (!open()) return closed();
        return core_->verify();
    }
    // Reads all files once and compares them with their checksums, while commits go on; the
    // superblock is repaired. After a round that goes on in the background
    // (store_options::scrub_bytes_per_second).
    //   Returns     what was found. Damage in the log is no error: the store goes on with what it
    //               has in memory, but may not open again (docs/errors.md#integrity)
    [[nodiscard]] result<scrub_report> scrub() {
        if (!open()) return closed();
        return core_->scrub();
    }
    // What scrubbing found so far, in this opening.
    [[nodiscard]] integrity_state integrity() const {
        return open() ? core_->integrity() : integrity_state{};
    }
    //   Effects     everything is durable and the directory is free; done by the destructor
    //               otherwise, errors unseen
    [[nodiscard]] result<void> close() {
        if (!open()) return success();
        auto done = core_->close();
        core_.reset();
        return done;
    }

    // What a power failure would take at this moment, and where more was at risk than the options
    // allow.
    //   Complexity  constant, unlike stats()
    [[nodiscard]] loss_window window() const { return open() ? core_->window() : loss_window{}; }
    // How writers were delayed, and by what. Likewise.
    [[nodiscard]] write_pace_stats writes() const {
        return open() ? core_->writes() : write_pace_stats{};
    }
    // Of tables in pages.
    //   Complexity  looks at every page in memory and every file of pages
    [[nodiscard]] storage_stats pages() const {
        return open() ? core_->page_stats() : storage_stats{};
    }
    //   Returns     as it was opened; empty once closed
    [[nodiscard]] bytes_view path() const noexcept { return open() ? core_->path() : bytes_view{}; }
    [[nodiscard]] store_stats stats() const { return open() ? core_->stats() : store_stats{}; }
    // What reaches the files, for show_files() (metrics/files.hpp); lives until close().
    //   Requires    the store is open
    [[nodiscard]] retrying<platform_type>& files() {
        check(open(), "store::files() of a closed store");
        return core_->files();
    }
    // What the store and its caches may take together, for caches of the program to shed with, and
    // for show_memory() (metrics/resources.hpp); lives until close().
    //   Requires    the store is open
    [[nodiscard]] memory_budget<retrying<platform_type>>& memory() {
        check(open(), "store::memory() of a closed store");
        return core_->memory();
    }
    // The free space of its disk, for show_space(); lives until close().
    //   Requires    the store is open
    [[nodiscard]] space_watch<retrying<platform_type>>& space() {
        check(open(), "store::space() of a closed store");
        return core_->space();
    }
    // Keeps the log from that position on, whatever a checkpoint covers, until the hold ends: for a
    // replica, a backup, a feed. It is seen by its name in kept_log().stats() and in metrics.
    //   Requires    the hold ends before the store is closed
    //   Errors      not_found: some of that is gone; io, closed
    [[nodiscard]] result<log_hold<retrying<platform_type>>> hold_log(bytes_view name, lsn from) {
        if (!open()) return closed();
        return core_->retention().hold(name, from);
    }
    // What is kept of the log, and why, for show_retention() (wal/retention_metrics.hpp); lives
    // until close().
    //   Requires    the store is open
    [[nodiscard]] const typename core_type::retention_type::keeper_type& kept_log() {
        check(open(), "store::kept_log() of a closed store");
        return core_->retention().keeper();
    }
    [[nodiscard]] recovery_summary recovery() const {
        return open() ? core_->recovery() : recovery_summary{};
    }

private:
    explicit store(owned<core_type> core) noexcept : core_{std::move(core)} {}

    [[nodiscard]] bool open() const noexcept { return static_cast<bool>(core_); }
    template <class F>
    [[nodiscard]] auto ask(const table_handle& of, F f) -> decltype(f(of.inner())) {
        if (!open()) return closed();
        if (auto there = core_->engine().live(of.inner()); !there) return there.error();
        return f(of.inner());
    }
    static error closed() { return {error_code::closed, "using a store after close()"}; }

    owned<core_type> core_;
};

}  // namespace mantis
