// SPDX-License-Identifier: BSL-1.0
//
// A collection: documents of any shape, addressed by _id, in one table of a store.
//
//   auto people = db.collection("people").value();
//   auto id     = people.insert(bson_view{document});
//   people.find({.filter = (where("age") >= 18).compile().value(), .limit = 10}, print);
//
// A row's key is the document's _id (document_key.hpp), its value the document's BSON with _id as
// the first field.
//
// Each call is a transaction of its own: a document, a batch, an update or an erase of many is done
// whole or not at all. A conflict with another transaction is tried again, a bounded number of
// times. A find reads each document as committed at that moment, and an update or erase of many
// changes those that matched when it looked and still match when it commits; a document that comes
// meanwhile may or may not be among them.
//
// Lifetime: a handle, cheap to copy; it lives no longer than its document_store.
// Threads: any number at once, on one handle or on copies.
#pragma once

#include "../store/store.hpp"
#include "detail/stored_document.hpp"
#include "id_generator.hpp"
#include "owned_value.hpp"
#include "query.hpp"
#include "update.hpp"

namespace mantis {

struct document_policies;  // document_store.hpp

// What insert does with an _id that is there already.
enum class on_existing : std::uint8_t { refuse, replace };

namespace detail {

// What the collections of one document_store share.
template <class App>
struct document_core {
    using platform_type = typename mantis::store<App>::platform_type;

    document_core(mantis::store<App> opened, platform_type world)
        : base{std::move(opened)}, platform{world}, ids{std::move(world)} {}

    mantis::store<App> base;
    platform_type platform;
    id_generator<platform_type> ids;
};

}  // namespace detail

template <class App = document_policies>
class collection {
public:
    // How often a call that meets a conflict runs before it answers it.
    static constexpr unsigned max_attempts = 16;

    [[nodiscard]] bytes_view name() const noexcept {
        return table_.name().from(detail::collection_prefix_size);
    }

    // The same collection, for calls whose commits are of that class, and whose reads tell what is
    // as durable as it promises (wal/durability.hpp):
    //
    //   people.as(durability_class::buffered).insert(document);
    [[nodiscard]] collection as(durability_class how) const noexcept {
        collection other{*this};
        other.class_ = how;
        return other;
    }

    // What keeps a document out of every collection, for asking before one is made for it.
    //   Errors      as insert, but those of the collection and of the commit
    [[nodiscard]] static result<void> check(bson_view document) {
        return detail::check_document(document);
    }

    // Adds one document, with a new _id where it has none.
    //   Returns     its _id, once the commit is as durable as the store's policy says, or as()
    //   Errors      already_exists (the _id); invalid_argument, too_large, corrupt, unsupported:
    //               the document; what commit answers
    [[nodiscard]] result<owned_value> insert(bson_view document,
                                             on_existing existing = on_existing::refuse) {
        auto ids = insert_range(&document, 1, existing);
        if (!ids) return ids.error();
        return std::move((*ids)[0]);
    }
    // Adds all the documents in one transaction, or none.
    //   Returns     their _ids, in order
    //   Errors      as insert; the number `document` says which, from 0
    [[nodiscard]] result<std::vector<owned_value>> insert_many(
        const std::vector<bytes>& documents, on_existing existing = on_existing::refuse) {
        std::vector<bson_view> views;
        for (const bytes& each : documents) views.emplace_back(each.view());
        return insert_many(views, existing);
    }
    [[nodiscard]] result<std::vector<owned_value>> insert_many(
        const std::vector<bson_view>& documents, on_existing existing = on_existing::refuse) {
        return insert_range(documents.data(), documents.size(), existing);
    }

    //   Returns     the document of that _id, or none
    //   Errors      invalid_argument: not a type an _id can have; what reading answers
    [[nodiscard]] result<std::optional<bytes>> get(bson_value id) {
        auto key = document_key(id);
        if (key) return core_->base.begin(isolation::read_committed, class_).get(table_, *key);
        if (key.error().code() == error_code::too_large) return std::optional<bytes>{};
        return key.error();
    }

    // Calls each(bson_view), or each(bson_view) -> bool to stop on false, for the documents of a
    // query in its order. The document is valid during the call, which may use the collection.
    //   Errors      out_of_memory: more to sort than the query allows; what reading answers
    template <class Each>
    [[nodiscard]] result<query_summary> find(const query& wanted, Each each) {
        const query_plan plan = plan_query(wanted.filter);
        query_summary how;
        how.path = plan.path;
        how.sorted = !wanted.sort.empty() && !wanted.sort.is_by_id();
        const auto give = [&](bson_view document) {
            ++how.returned;
            if constexpr (std::is_void_v<decltype(each(document))>) each(document);
            else if (!each(document)) return false;
            return how.returned < wanted.limit;
        };
        if (wanted.limit == 0) return how;
        auto done = how.sorted ? find_sorted(wanted, plan, how, give)
                               : find_unsorted(wanted, plan, how, give);
        if (!done) return done.error();
        return how;
    }
    // As above, collecting the documents.
    [[nodiscard]] result<find_result> find(const query& wanted) {
        find_result found;
        auto how = find(
            wanted, [&](bson_view document) { found.documents.emplace_back(document.document()); });
        if (!how) return how.error();
        found.how = *how;
        return found;
    }
    //   Returns     how many documents match, as `returned`
    [[nodiscard]] result<query_summary> count(const filter& wanted) {
        const query_plan plan = plan_query(wanted);
        query_summary how;
        how.path = plan.path;
        auto done = for_each_row(plan, [&](bytes_view, bson_view document) -> result<bool> {
            ++how.examined;
            if (wanted.matches(document)) ++how.returned;
            return true;
        });
        if (!done) return done.error();
        return how;
    }

    // Changes every document that matches, all in one transaction.
    //   Errors      what update::apply answers, with the document's _id: nothing was changed;
    //               conflict; what commit answers
    [[nodiscard]] result<update_summary> update(const filter& wanted,
                                                const mantis::update& change) {
        return retried([&]() -> result<update_summary> {
            update_summary done;
            bytes changed;
            const auto apply = [&](transaction_type& tx, bytes_view key,
                                   bson_view document) -> result<void> {
                changed.clear();
                auto modified = change.apply(document, changed);
                if (!modified) return about_id(std::move(modified).error(), document);
                ++done.matched;
                if (!*modified) return {};
                if (auto fits = check_size(changed); !fits)
                    return about_id(std::move(fits).error(), document);
                ++done.modified;
                tx.put(table_, key, changed);
                return {};
            };
            auto how = change_matching(wanted, apply);
            if (!how) return how.error();
            done.path = how->path;
            done.examined = how->examined;
            return done;
        });
    }
    // Removes every document that matches, all in one transaction.
    //   Errors      conflict; what commit answers
    [[nodiscard]] result<erase_summary> erase(const filter& wanted) {
        return retried([&]() -> result<erase_summary> {
            erase_summary done;
            const auto apply = [&](transaction_type& tx, bytes_view key,
                                   bson_view) -> result<void> {
                ++done.erased;
                tx.erase(table_, key);
                return {};
            };
            auto how = change_matching(wanted, apply);
            if (!how) return how.error();
            done.path = how->path;
            done.examined = how->examined;
            return done;
        });
    }

private:
    template <class>
    friend class document_store;
    using core_type = detail::document_core<App>;
    using store_type = store<App>;
    using table_handle = typename store_type::table_handle;
    using transaction_type = typename store_type::transaction_type;

    collection(core_type& core, table_handle table) noexcept : core_{&core}, table_{table} {}

    [[nodiscard]] result<std::vector<owned_value>> insert_range(const bson_view* documents,
                                                                std::size_t count,
                                                                on_existing existing) {
        arena held;
        std::vector<detail::stored_document> rows;
        rows.reserve(count);
        for (std::size_t at = 0; at < count; ++at) {
            auto row = detail::make_stored(documents[at], core_->ids, held);
            if (!row) return std::move(row).error().with("document", at);
            rows.push_back(*row);
        }
        return retried([&]() -> result<std::vector<owned_value>> {
            transaction_type tx = core_->base.begin(isolation::serializable, class_);
            std::vector<owned_value> ids;
            ids.reserve(rows.size());
            for (std::size_t at = 0; at < rows.size(); ++at) {
                const bson_view stored{rows[at].document};
                if (existing == on_existing::refuse) {
                    auto there = tx.get(table_, rows[at].key);
                    if (!there) return there.error();
                    if (*there)
                        return about_id({error_code::already_exists,
                                         "inserting a document: its _id is taken"},
                                        stored)
                            .with("document", at);
                }
                tx.put(table_, rows[at].key, rows[at].document);
                ids.emplace_back(stored["_id"]);
            }
            if (auto committed = tx.commit(); !committed) return committed.error();
            return ids;
        });
    }

    // Calls visit(key, document) -> result<bool> for the rows of a plan in order, until it answers
    // false.
    template <class Visit>
    [[nodiscard]] result<void> for_each_row(const query_plan& plan, Visit visit) {
        transaction_type tx = core_->base.begin(isolation::read_committed, class_);
        for (const bytes& key : plan.keys) {
            auto found = tx.get(table_, key);
            if (!found) return found.error();
            if (!*found) continue;
            auto more = visit(key, bson_view{**found});
            if (!more) return more.error();
            if (!*more) return {};
        }
        if (plan.path == access_path::id_lookup) return {};
        auto rows = tx.scan(table_, {plan.from, plan.to});
        while (true) {
            auto moved = rows.next();
            if (!moved) return moved.error();
            if (!*moved) return {};
            auto more = visit(rows.key(), bson_view{rows.value()});
            if (!more) return more.error();
            if (!*more) return {};
        }
    }

    template <class Give>
    [[nodiscard]] result<void> find_unsorted(const query& wanted, const query_plan& plan,
                                             query_summary& how, Give& give) {
        std::uint64_t left_out = 0;
        return for_each_row(plan, [&](bytes_view, bson_view document) -> result<bool> {
            ++how.examined;
            if (!wanted.filter.matches(document)) return true;
            if (left_out < wanted.offset) return ++left_out, true;
            return give(document);
        });
    }
    template <class Give>
    [[nodiscard]] result<void> find_sorted(const query& wanted, const query_plan& plan,
                                           query_summary& how, Give& give) {
        const std::uint64_t room = document_sorter::no_bound - wanted.offset;
        const std::uint64_t keep =
            wanted.limit < room ? wanted.offset + wanted.limit : document_sorter::no_bound;
        document_sorter sorter{wanted.sort, keep, wanted.sort_memory_bytes};
        auto read = for_each_row(plan, [&](bytes_view, bson_view document) -> result<bool> {
            ++how.examined;
            if (!wanted.filter.matches(document)) return true;
            if (auto added = sorter.add(document); !added) return added.error();
            return true;
        });
        if (!read) return read;
        std::uint64_t left_out = 0;
        sorter.drain(
            [&](bson_view document) { return left_out++ < wanted.offset || give(document); });
        return {};
    }

    // Calls apply(transaction, key, document) for each document that matches, and commits: first a
    // look without keeping anything others could conflict with, then each document again inside the
    // transaction.
    template <class Apply>
    [[nodiscard]] result<query_summary> change_matching(const filter& wanted, Apply& apply) {
        const query_plan plan = plan_query(wanted);
        query_summary how;
        how.path = plan.path;
        std::vector<bytes> keys;
        auto looked = for_each_row(plan, [&](bytes_view key, bson_view document) -> result<bool> {
            ++how.examined;
            if (wanted.matches(document)) keys.emplace_back(key);
            return true;
        });
        if (!looked) return looked.error();
        transaction_type tx = core_->base.begin(isolation::serializable, class_);
        for (const bytes& key : keys) {
            auto found = tx.get(table_, key);
            if (!found) return found.error();
            if (!*found || !wanted.matches(bson_view{**found})) continue;
            if (auto applied = apply(tx, key, bson_view{**found}); !applied) return applied.error();
        }
        if (auto committed = tx.commit(); !committed) return committed.error();
        return how;
    }

    // Runs `attempt` until it answers something else than conflict; the pauses grow so that
    // contenders get through.
    template <class Attempt>
    [[nodiscard]] auto retried(Attempt attempt) -> decltype(attempt()) {
        for (unsigned made = 1;; ++made) {
            auto done = attempt();
            if (done || done.error().code() != error_code::conflict) return done;
            if (made == max_attempts) return std::move(done).error().with("attempts", made);
            core_->platform.sleep(microseconds(std::int64_t{1} << (made < 10 ? made : 10)));
        }
    }

    [[nodiscard]] static result<void> check_size(const bytes& document) {
        return detail::check_document_size(document);
    }
    [[nodiscard]] static error about_id(error failed, bson_view document) {
        return std::move(failed).about(to_json(document["_id"]));
    }

    core_type* core_;
    table_handle table_;
    durability_class class_ = store_type::engine_type::policy_class;
};

}  // namespace mantis
