// SPDX-License-Identifier: BSL-1.0
//
// A document store: threads insert batches, raise counters by updates, and delete; every batch is
// there whole or not at all, and every counter is at least what was acknowledged.
#include "crashing.hpp"

#include <mantis/document/document_store.hpp>
#include <mantis/document/filter_builder.hpp>
#include <mantis/document/json.hpp>

namespace simulate {

namespace {

template <class Durability>
struct app : policies<with::platform<simulated>, with::durability<Durability>> {};

filter where_batch(std::size_t number) {
    return (where("batch") == static_cast<std::int64_t>(number)).compile().value();
}

template <class Durability>
class document_life {
public:
    document_life(const plan& of, outcome& to) : life_{of, to} {
        options_.segment_bytes = of.segment_bytes;
        options_.memory_bytes = of.memory_bytes;
        if (of.fault_class == "full-disk" && of.seed % 2 == 0) options_.space_hard_bytes = 0;
        options_.sync_period = microseconds(of.sync_period_us);
    }
    void live() { life_.live_through(*this); }

    void work(const round& now) {
        auto opened = store_type::open("db", options_, life_.world().platform());
        if (!opened) return life_.refused(opened.error());
        if (!compare(*opened)) return;
        auto things = opened->collection("things");
        if (!things) return life_.failed(things.error());
        std::vector<simulated::thread> threads;
        for (const auto& operations : now.threads)
            threads.emplace_back([this, &opened, &things, &operations] {
                for (const std::uint32_t each : operations) {
                    if (!life_.world().powered()) return;
                    operate(*opened, *things, dice{each});
                }
            });
        for (auto& thread : threads) thread.join();
        if (const auto segments = opened->base().stats().log.segments; segments > 1)
            life_.out().reach("several segments", segments - 1);
        if (!now.closes) return life_.world().crash();
        const auto flushed = ledger_.buffered();
        if (opened->close()) ledger_.flushed(flushed);
    }

    void judge() {
        auto opened = store_type::open("db", options_, life_.world().platform());
        if (!opened) return life_.refused(opened.error());
        if (!compare(*opened)) life_.violated("reading failed in peace");
    }

private:
    using store_type = document_store<app<Durability>>;
    using collection_type = collection<app<Durability>>;

    void operate(store_type& db, collection_type& things, dice roll) {
        switch (roll(8)) {
            case 0: {
                const auto flushed = ledger_.buffered();
                if (db.base().flush()) ledger_.flushed(flushed);
                return;
            }
            case 1: return count_up(things, roll);
            case 2: return look_at_a_batch(things, roll);
            default: return insert_batch(things, roll);
        }
    }

    void insert_batch(collection_type& things, dice roll) {
        const auto size = static_cast<unsigned>(1 + roll(5));
        const std::size_t number = ledger_.issue({size, {}, {}});
        std::vector<bytes> documents;
        for (unsigned i = 0; i < size; ++i) {
            bson_writer writer;
            documents.push_back(writer.add("batch", static_cast<std::int64_t>(number))
                                    .add("text", value_of(number, roll(800)))
                                    .finish());
        }
        const auto done = things.insert_many(documents);
        // Where a commit lies in the log the collection does not say.
        if (done)
            return ledger_.acknowledged(
                number, Durability::waits_for_sync ? promise::durable : promise::buffered, {});
        life_.failed(done.error());
        if (done.error().code() != error_code::unknown_outcome) ledger_.refused(number);
        else life_.out().reach("unknown outcome");
    }

    // What a reader sees of a batch it sees whole, and it is there for good.
    void look_at_a_batch(collection_type& things, dice roll) {
        if (ledger_.count() == 0) return;
        const std::size_t number = roll(ledger_.count());
        const auto seen = things.find({.filter = where_batch(number)});
        if (!seen || seen->documents.empty()) return;
        life_.out().reach("batch seen by a reader");
        if constexpr (Durability::waits_for_sync) ledger_.answered(number);
    }

    void count_up(collection_type& things, dice roll) {
        const std::string name = "counter/" + std::to_string(roll(3));
        const auto by = update::compile(bson_view{parse_json(R"({"$inc": {"n": 1}})").value()});
        const auto which = (where("_id") == name).compile().value();
        ++asked_[name];
        const auto done = things.update(which, *by);
        if (done && done->matched == 1) {
            if constexpr (Durability::waits_for_sync) ++counted_[name];
            return;
        }
        --asked_[name];
        if (done) {
            bson_writer writer;
            (void)things.insert(bson_view{writer.add("_id", name).add("n", 0).finish()});
        } else if (done.error().code() == error_code::unknown_outcome) {
            ++asked_[name];
        }
    }

    bool compare(store_type& db) {
        if (db.base().recovery().cut_bytes > 0) life_.out().reach("torn tail");
        ledger_.look_again();
        auto things = db.find_collection("things");
        std::map<std::string, std::int64_t> counters;
        if (things) {
            const auto looked = things->find({}, [&](bson_view document) {
                if (const bson_value n = document["n"])
                    counters[document["_id"].as_text().template as<std::string>()] = n.as_integer();
                else look_at_document(document);
            });
            if (!looked) return false;
        }
        life_.settle(ledger_);
        for (const auto& [name, acknowledged] : counted_)
            if (counters[name] < acknowledged && life_.allowed() != loss::of_anything)
                life_.violated(name + " has lost an acknowledged update");
        for (const auto& [name, value] : counters) {
            if (value > asked_[name]) life_.violated(name + " counts more than was asked");
            asked_[name] = value;
            if constexpr (Durability::waits_for_sync) counted_[name] = value;
        }
        return true;
    }

    void look_at_document(bson_view document) {
        const auto number = static_cast<std::size_t>(document["batch"].as_integer());
        const auto text = document["text"].as_text().template as<std::string>();
        if (text != value_of(number, text.size()))
            life_.violated("a document of batch " + std::to_string(number) +
                           " is not as it was written");
        ledger_.found_marker(number);
    }

    crashing life_;
    store_options options_;
    durability_ledger ledger_;
    std::map<std::string, std::int64_t> asked_;    // updates that may be there
    std::map<std::string, std::int64_t> counted_;  // updates that must be
};

}  // namespace

outcome live_documents(const plan& of) {
    outcome out;
    if (of.durability == "periodic") document_life<periodic>{of, out}.live();
    else if (of.durability == "buffered") document_life<buffered>{of, out}.live();
    else document_life<group_commit>{of, out}.live();
    return out;
}

}  // namespace simulate
