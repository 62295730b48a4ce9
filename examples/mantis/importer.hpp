// SPDX-License-Identifier: BSL-1.0
//
// Documents from a feed into a collection, so many a commit, in their order.
//
// Where commits are to wait for syncs they are buffered and made durable behind, so that a batch is
// made while the disk works for those before it. A batch counts, and is acknowledged, once it is
// durable.
//
// Invariants:
//   1. at every moment the collection holds the first so many documents of the feed and no other of
//      them, at least `imported()`
//   2. when run() has ended, those are exactly the ones before the document, or the commit, that
//      failed; but where the log itself failed, unknown_outcome, there may be more
//
// Threads: one at a time.
#pragma once

#include "collection_access.hpp"
#include "document_feed.hpp"
#include "flush_behind.hpp"

#include <deque>

namespace tool {

struct import_options {
    std::size_t batch_count = 1000;              // documents a commit,
    std::size_t batch_bytes = 64 * 1024 * 1024;  // or so many bytes of them, if that is less
    mantis::on_existing existing = mantis::on_existing::refuse;
    mantis::durability_class durability = mantis::durability_class::synchronous;
};

class importer {
public:
    // The collection is made just before the first commit, or at the end of a text without
    // documents.
    //   Requires    `store` outlives the importer
    importer(database& store, mantis::bytes_view collection, const import_options& options)
        : store_{store}, name_{collection}, options_{options} {
        if (waits_for_sync()) behind_.emplace(store.base());
    }

    // Takes all that the feed gives. Calls acknowledged(ids) -> bool for each commit, in their
    // order, with the _ids it made as safe as the options say, until it answers false.
    //   Errors      what the collection answers; that the text ended too early is told by the feed,
    //               not here
    template <class Acknowledged>
    [[nodiscard]] std::optional<import_failure> run(document_feed& feed,
                                                    Acknowledged acknowledged) {
        auto failed = take(feed, acknowledged);
        if (!failed) failed = commit(acknowledged);
        if (auto unsafe = settle(acknowledged)) return unsafe;
        if (failed || stopped_ || feed.failure()) return failed;
        return make_collection();
    }

    [[nodiscard]] std::uint64_t imported() const noexcept { return imported_; }

private:
    using store_type = mantis::store<mantis::document_policies>;

    [[nodiscard]] bool waits_for_sync() const noexcept {
        return options_.durability == mantis::durability_class::synchronous;
    }

    template <class Acknowledged>
    [[nodiscard]] std::optional<import_failure> take(document_feed& feed,
                                                     Acknowledged& acknowledged) {
        while (auto chunk = feed.next()) {
            held_.push_back(std::move(*chunk));
            for (const fed_document& each : held_.back().documents) {
                batch_.push_back(held_.back().view(each));
                lines_.push_back(each.line);
                bytes_ += each.size;
                if (batch_.size() < options_.batch_count && bytes_ < options_.batch_bytes) continue;
                if (auto failed = commit(acknowledged)) return failed;
                if (stopped_) return std::nullopt;
            }
        }
        return std::nullopt;
    }

    template <class Acknowledged>
    [[nodiscard]] std::optional<import_failure> commit(Acknowledged& acknowledged) {
        if (batch_.empty() || stopped_) return std::nullopt;
        if (!collection_)
            if (auto fits = documents::check(batch_.front()); !fits)
                return import_failure{fits.error(), lines_.front()};
        if (auto failed = make_collection()) return failed;
        auto ids = collection_->insert_many(batch_, options_.existing);
        if (ids) {
            forget();
            return committed(*std::move(ids), acknowledged);
        }
        const std::uint64_t* const which = ids.error().number("document");
        if (which == nullptr) return import_failure{ids.error()};
        import_failure failed{ids.error(), lines_[*which]};
        batch_.resize(*which);  // those before it are good
        if (auto earlier = commit(acknowledged)) return earlier;
        return failed;
    }

    template <class Acknowledged>
    [[nodiscard]] std::optional<import_failure> committed(std::vector<mantis::owned_value> ids,
                                                          Acknowledged& acknowledged) {
        if (!behind_) {
            count(ids, acknowledged);
            return std::nullopt;
        }
        behind_->committed(std::move(ids));
        return count_durable(acknowledged);
    }
    //   Effects     what was committed counts, or never will
    template <class Acknowledged>
    [[nodiscard]] std::optional<import_failure> settle(Acknowledged& acknowledged) {
        if (!behind_) return std::nullopt;
        behind_->wait_all();
        return count_durable(acknowledged);
    }
    template <class Acknowledged>
    [[nodiscard]] std::optional<import_failure> count_durable(Acknowledged& acknowledged) {
        const auto failed = behind_->failure();
        for (const auto& ids : behind_->take_durable()) count(ids, acknowledged);
        if (failed) return import_failure{*failed};
        return std::nullopt;
    }
    template <class Acknowledged>
    void count(const std::vector<mantis::owned_value>& ids, Acknowledged& acknowledged) {
        imported_ += ids.size();
        if (!stopped_) stopped_ = !acknowledged(ids);
    }

    [[nodiscard]] std::optional<import_failure> make_collection() {
        if (collection_) return std::nullopt;
        auto made = store_.collection(name_);
        if (!made) return import_failure{made.error()};
        collection_.emplace(
            made->as(waits_for_sync() ? mantis::durability_class::buffered : options_.durability));
        return std::nullopt;
    }

    void forget() noexcept {
        batch_.clear();
        lines_.clear();
        bytes_ = 0;
        while (held_.size() > 1) held_.pop_front();  // the last may have more documents
    }

    database& store_;
    mantis::bytes name_;
    import_options options_;
    std::optional<documents> collection_;
    std::deque<document_chunk> held_;  // where the documents of batch_ lie
    std::vector<mantis::bson_view> batch_;
    std::vector<std::uint64_t> lines_;
    std::size_t bytes_ = 0;
    std::uint64_t imported_ = 0;
    bool stopped_ = false;
    std::optional<flush_behind<store_type>> behind_;  // in a store that waits for syncs
};

}  // namespace tool
