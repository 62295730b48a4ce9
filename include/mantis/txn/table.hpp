// SPDX-License-Identifier: BSL-1.0
//
// A table: its name, its index, and the positions of the last commits that changed it.
//
// Invariants:
//   1. `changed` is the end of the last commit that changed the table, and moves only under the
//      commit mutex, before the commit is applied; `applied` follows it after, but never reaches a
//      commit that the index could not take
//   2. `erased` <= `changed`: the end of the last commit that took a key away, made the table or
//      dropped it, so that a reader who finds nothing knows how far the log must be durable before
//      "nothing" is an answer
//   3. a dropped table stays where it is, empty, for as long as the store: a handle to it answers
//      not_found, never crashes
//
// Threads: any number at once; who may change what is the engine's rule.
#pragma once

#include "../core/ids.hpp"
#include "../core/result.hpp"
#include "../index/index_shape.hpp"
#include "../index/index_storage.hpp"
#include "../index/row_batch.hpp"

#include <optional>
#include <variant>
#include <vector>

namespace mantis {

namespace detail {

// How far a scan has come in an index of that type.
template <class Index>
struct index_walk {};
template <class Index>
requires requires { typename Index::walk_type; }
struct index_walk<Index> {
    typename Index::walk_type at;
};

}  // namespace detail

template <class Platform, class... Indexes>
class table {
public:
    template <class T>
    using atomic = typename Platform::template atomic<T>;
    using storage_type = index_storage_of<Platform, Indexes...>;
    // Where a row was found: see index/index_storage.hpp.
    using place_type = typename detail::place_of_storage<storage_type>::type;
    using any_index = std::variant<std::monostate, typename Indexes::template index<Platform>...>;

    // How far a scan of a table has come; of none, when it is made.
    using walk_type =
        std::variant<std::monostate,
                     detail::index_walk<typename Indexes::template index<Platform>>...>;

    table(table_id id, bytes_view name, lsn version)
        : id_{id},
          name_{name},
          changed_{version.value},
          applied_{version.value},
          erased_{version.value} {}
    table(const table&) = delete;
    table& operator=(const table&) = delete;

    template <class Index>
    static constexpr bool has_index = (std::is_same_v<Index, Indexes> || ...);
    [[nodiscard]] static bool knows(bytes_view index_name) noexcept {
        return ((index_name == bytes_view{Indexes::name}) || ...);
    }
    //   Effects     it has an index of the policy of that name: an empty one, or what the storage
    //               has of a table made by the commit that ends at `version`
    //   Errors      mismatch: the store is built without that index; those of the storage
    template <class Storage>
    [[nodiscard]] result<void> make_index(bytes_view index_name, Storage& storage, lsn version) {
        result<void> made = error{error_code::mismatch,
                                  "opening a table: with::indexes lacks the index it was made with"}
                                .about(index_name)
                                .with("table", id_.value);
        (void)((index_name == bytes_view{Indexes::name} &&
                ((made = make_index_of<Indexes>(storage, version)), true)) ||
               ...);
        return made;
    }

    [[nodiscard]] table_id id() const noexcept { return id_; }
    [[nodiscard]] bytes_view name() const noexcept { return name_; }
    [[nodiscard]] bytes_view index_name() const noexcept { return index_name_; }
    [[nodiscard]] bool dropped() const noexcept { return dropped_.load(); }
    [[nodiscard]] lsn changed() const noexcept { return {changed_.load()}; }
    [[nodiscard]] lsn applied() const noexcept { return {applied_.load()}; }
    [[nodiscard]] lsn erased() const noexcept { return {erased_.load()}; }

    // A table of which rows are missing, or may be: nobody is told anything of it but this.
    //   Returns     nullptr if it is whole
    [[nodiscard]] const error* damage() const noexcept { return damage_ ? &*damage_ : nullptr; }
    //   Requires    nobody else uses the table
    void damaged(error why) { damage_.emplace(std::move(why)); }

    //   Requires    `at` is where that key was found in this table, or nowhere
    //   Errors      those of the index, with the table's name
    [[nodiscard]] result<void> put(bytes_view key, bytes_view value, lsn version,
                                   const place_type& at = {}) {
        changed_.store(version.value, orders::release);
        auto done = visit([&](auto& index) {
            if constexpr (requires { index.put(key, value, version, at); })
                return index.put(key, value, version, at);
            else return index.put(key, value, version);
        });
        return done ? success() : result<void>{of_this(std::move(done.error()))};
    }
    //   Errors      those of the index, with the table's name
    [[nodiscard]] result<void> erase(bytes_view key, lsn version) {
        changed_.store(version.value);
        erased_.store(version.value);
        return redo_erase(key);
    }
    // As put() and erase(), but for the positions, which recovered() sets for all.
    //   Requires    nobody reads the table before recovered()
    [[nodiscard]] result<void> redo_put(bytes_view key, bytes_view value, lsn version) {
        auto done = visit([&](auto& index) { return index.put(key, value, version); });
        return done ? success() : result<void>{of_this(std::move(done.error()))};
    }
    [[nodiscard]] result<void> redo_erase(bytes_view key) {
        auto done = visit([&](auto& index) { return index.erase(key); });
        return done ? success() : result<void>{of_this(std::move(done.error()))};
    }
    // Calls f(value, version) if there is an entry of the key, and says so.
    //   Errors      those of the index, with the table's name
    template <class F>
    [[nodiscard]] result<bool> find(bytes_view key, F f) const {
        auto there = visit([&](const auto& index) { return index.find(key, f); });
        if (!there) return of_this(std::move(there.error()));
        return there;
    }
    // The same; `at` becomes where the row is, if that can be known.
    template <class F>
    [[nodiscard]] result<bool> find(bytes_view key, F f, place_type& at) const {
        auto there = visit([&](const auto& index) {
            if constexpr (requires { index.find(key, f, at); }) return index.find(key, f, at);
            else return index.find(key, f);
        });
        if (!there) return of_this(std::move(there.error()));
        return there;
    }
    // Calls f(key, value, version) for the entries from `from` on, in order, until it returns
    // false.
    //   Errors      those of the index, with the table's name: f did not see all of them
    template <class F>
    [[nodiscard]] result<void> scan(bytes_view from, F f) const {
        auto done = visit([&](const auto& index) { return index.scan(from, f); });
        return done ? success() : result<void>{of_this(std::move(done.error()))};
    }
    // Copies entries with from <= key < to, ascending, behind the rows that there are, until the
    // batch holds `limit` bytes; an empty `to` has no end.
    //   Requires    the walk is new, or the last call with it answered false and `from` is the
    //               least key behind the last row
    //   Returns     whether the range has ended before the limit
    //   Errors      those of the index, with the table's name; the batch may have rows, and the
    //               walk is new then
    [[nodiscard]] result<bool> read_rows(walk_type& walk, bytes_view from, bytes_view to,
                                         std::size_t limit, row_batch& rows) const {
        auto ended = visit(
            [&](const auto& index) { return read_rows_of(index, walk, from, to, limit, rows); });
        if (ended) return ended;
        walk = {};
        return of_this(std::move(ended.error()));
    }
    //   Effects     what the index holds, and what it lacks, is what the log says up to `end`
    //   Requires    nobody else uses the table
    void recovered(lsn end) {
        changed_.store(end.value);
        erased_.store(end.value);
        end_commit();
    }
    //   Effects     it is one that was dropped, without an index
    //   Requires    nobody else uses the table
    void never_was() { dropped_.store(true); }
    //   Effects     all of the last commit is there
    void end_commit() { applied_.store(changed_.load(orders::relaxed), orders::release); }
    //   Effects     nobody finds anything in it any more
    //   Errors      those of the index, with the table's name: it is dropped, and holds rows still
    [[nodiscard]] result<void> drop(lsn version) {
        changed_.store(version.value);
        erased_.store(version.value);
        dropped_.store(true);
        auto gone = visit([](auto& index) { return empty(index); });
        if (!gone) return of_this(std::move(gone.error()));
        end_commit();
        return success();
    }

    // About how many entries there are with from <= key < to; an empty `to` has no end.
    //   Errors      those of the index, with the table's name
    [[nodiscard]] result<std::uint64_t> estimate(bytes_view from, bytes_view to) const {
        auto about = visit([&](const auto& index) -> result<std::uint64_t> {
            if constexpr (requires { index.estimate(from, to); }) return index.estimate(from, to);
            std::uint64_t count = 0;
            auto counted = index.scan(from, [&](bytes_view key, bytes_view, lsn) {
                const bool within = to.empty() || key < to;
                count += within ? 1 : 0;
                return within;
            });
            if (!counted) return std::move(counted).error();
            return count;
        });
        if (!about) return of_this(std::move(about.error()));
        return about;
    }
    //   Errors      likewise
    [[nodiscard]] result<index_shape> shape() const {
        auto seen = visit([](const auto& index) -> result<index_shape> {
            if constexpr (requires { index.shape(); }) return index.shape();
            index_shape of_memory;
            of_memory.entries = index.count();
            of_memory.memory_bytes = index.memory_bytes();
            return of_memory;
        });
        if (!seen) return of_this(std::move(seen.error()));
        return seen;
    }

    // What a put or erase of that key will read is in memory, or its errors are met now.
    //   Requires    `at` is where the key was found, or nowhere
    //   Effects     `at` becomes where it is, if that can be known
    //   Errors      those of the index, with the table's name
    [[nodiscard]] result<void> prefetch(bytes_view key, place_type& at) const {
        auto done = visit([&](const auto& index) -> result<void> {
            if constexpr (requires { index.prefetch(key, at); }) return index.prefetch(key, at);
            else return success();
        });
        return done ? success() : result<void>{of_this(std::move(done.error()))};
    }
    // Up to where the index has what the log says from the beginning: that is not redone.
    [[nodiscard]] lsn persisted() const {
        return visit([](const auto& index) -> lsn {
            if constexpr (requires { index.persisted(); }) return index.persisted();
            else return {};
        });
    }
    // Whether its rows are in pages, or wherever a storage keeps them.
    [[nodiscard]] bool is_stored() const {
        return visit([](const auto& index) {
            return requires { index.persisted(); };
        });
    }
    //   Requires    it was never in a set
    void discard() {
        visit([](auto& index) {
            if constexpr (requires { index.discard(); }) index.discard();
        });
    }

    //   Requires    the commit mutex, or that nobody else uses the table
    //   Returns     how many more bytes it holds than at the last call; negative if less
    [[nodiscard]] std::ptrdiff_t grown() {
        const std::size_t before = held_bytes_;
        held_bytes_ = visit([](const auto& index) { return index.memory_bytes(); });
        return static_cast<std::ptrdiff_t>(held_bytes_) - static_cast<std::ptrdiff_t>(before);
    }

    // Calls f with the index, whichever type it is of.
    template <class F>
    auto visit(F f) {
        return visit_from<1>(index_, f);
    }
    template <class F>
    auto visit(F f) const {
        return visit_from<1>(index_, f);
    }

private:
    using orders = typename Platform::memory_order;

    template <class Index, class Storage>
    [[nodiscard]] result<void> make_index_of(Storage& storage, lsn version) {
        using index_type = typename Index::template index<Platform>;
        if constexpr (stored_index_policy<Index, Platform>) {
            auto attached = storage.attach(id_, version);
            if (!attached) return of_this(std::move(attached.error()));
            index_.template emplace<index_type>(std::move(*attached));
            if (storage.damage() != nullptr) damaged(*storage.damage());
        } else {
            index_.template emplace<index_type>();
        }
        index_name_ = Index::name;
        return success();
    }

    // In batches, so that readers get in between.
    template <class Index>
    static result<void> empty(Index& index) {
        if constexpr (requires { index.retire(); }) {
            index.retire();
            return success();
        }
        constexpr std::size_t batch_keys = 256;
        std::vector<bytes> keys;
        do {
            keys.clear();
            auto seen = index.scan({}, [&](bytes_view key, bytes_view, lsn) {
                keys.emplace_back(key);
                return keys.size() < batch_keys;
            });
            if (!seen) return seen;
            for (const bytes& key : keys)
                if (auto gone = index.erase(key); !gone) return gone.error();
        } while (!keys.empty());
        return success();
    }

    template <class Index>
    static result<bool> read_rows_of(const Index& index, walk_type& walk, bytes_view from,
                                     bytes_view to, std::size_t limit, row_batch& rows) {
        if constexpr (requires { typename Index::walk_type; }) {
            using place = detail::index_walk<Index>;
            if (!std::holds_alternative<place>(walk)) walk.template emplace<place>();
            return index.read_rows(std::get_if<place>(&walk)->at, from, to, limit, rows);
        } else {
            bool ended = true;
            auto read = index.scan(from, [&](bytes_view key, bytes_view value, lsn version) {
                if (!to.empty() && key >= to) return false;
                if (rows.held_bytes() >= limit) return ended = false;
                rows.add(key, value, version);
                return true;
            });
            if (!read) return std::move(read).error();
            return ended;
        }
    }

    error of_this(error why) const { return std::move(why.about(name()).with("table", id_.value)); }

    template <std::size_t At, class Variant, class F>
    static auto visit_from(Variant& index, F& f) {
        if constexpr (At + 1 < std::variant_size_v<any_index>)
            if (index.index() != At) return visit_from<At + 1>(index, f);
        check(index.index() == At, "a table without an index");
        return f(*std::get_if<At>(&index));
    }

    table_id id_;
    bytes name_;
    bytes_view index_name_;
    any_index index_;
    std::size_t held_bytes_ = 0;  // as grown() last saw it
    atomic<std::uint64_t> changed_;
    atomic<std::uint64_t> applied_;
    atomic<std::uint64_t> erased_;
    atomic<bool> dropped_{false};
    std::optional<error> damage_;
};

}  // namespace mantis
