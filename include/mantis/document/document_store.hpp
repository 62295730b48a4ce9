// SPDX-License-Identifier: BSL-1.0
//
// Collections of documents in one directory: a store whose tables hold BSON.
//
//   auto db     = mantis::document_store<>::open("library.db").value();
//   auto people = db.collection("people").value();
//
// By default collections are in pages (store/paged_btree.hpp): they may be larger than memory, of
// which they take store_options::page_memory_bytes, and an opening reads none. Those of a database
// that has them in memory stay there. The policies are the store's: document_store<App> takes what
// store<App> takes, and an App without with::indexes has collections in memory, as its tables.
//
// Threads: any number at once, but open(), close(), moves and the destructor. Collections live no
// longer than the store, which may move meanwhile.
#pragma once

#include "collection.hpp"

#include "../store/paged_btree.hpp"

namespace mantis {

// For document_store<>. The second index is for collections that were made in memory.
struct document_policies : policies<with::indexes<paged_btree<>, btree<>>> {};

struct collection_info {
    bytes name;
    std::uint64_t documents = 0;
};

template <class App = document_policies>
class document_store {
public:
    using collection_type = mantis::collection<App>;
    using platform_type = typename store<App>::platform_type;

    static constexpr std::size_t max_collection_name_bytes = 120;

    //   Errors      as store<App>::open
    [[nodiscard]] static result<document_store> open(bytes_view path,
                                                     const store_options& options = {},
                                                     platform_type world = {}) {
        auto opened = store<App>::open(path, options, world);
        if (!opened) return opened.error();
        return document_store{
            owned<core_type>{new core_type{std::move(*opened), std::move(world)}}};
    }

    //   Returns     the collection of that name, made if there is none, with the first index of
    //               with::indexes; one that is there may have another of them
    //   Errors      invalid_argument: the name is empty, longer than max_collection_name_bytes, not
    //               UTF-8, or has a zero byte or begins with '$'; what store<App>::table answers
    [[nodiscard]] result<collection_type> collection(bytes_view name) {
        if (auto valid = check_name(name); !valid) return valid.error();
        auto made = core_->base.table_as_made(table_name(name));
        if (!made) return made.error();
        return collection_type{*core_, *made};
    }
    [[nodiscard]] std::optional<collection_type> find_collection(bytes_view name) {
        auto found = core_->base.find_table(table_name(name));
        if (!found) return std::nullopt;
        return collection_type{*core_, *found};
    }
    // What keeps a collection from having that name.
    //   Errors      invalid_argument
    [[nodiscard]] static result<void> check_name(bytes_view name) {
        const bool fits = !name.empty() && name.size() <= max_collection_name_bytes;
        if (fits && name[0] != std::byte{'$'} &&
            std::memchr(name.data(), 0, name.size()) == nullptr && detail::valid_utf8(name))
            return {};
        return error{error_code::invalid_argument,
                     "naming a collection: 1 to 120 bytes of UTF-8, no zero, no $ first"}
            .about(name);
    }
    //   Returns     all of them, by name
    [[nodiscard]] std::vector<collection_info> collections() const {
        std::vector<collection_info> found;
        for (const table_info& each : core_->base.tables()) {
            const bytes_view name{each.name};
            if (!name.starts_with(detail::collection_prefix)) continue;
            found.push_back({bytes{name.from(detail::collection_prefix_size)}, each.entries});
        }
        std::sort(
            found.begin(), found.end(),
            [](const collection_info& a, const collection_info& b) { return a.name < b.name; });
        return found;
    }
    //   Effects     the collection and its documents are gone; its handles answer not_found
    //   Errors      not_found; what store<App>::drop_table answers
    [[nodiscard]] result<void> drop_collection(bytes_view name) {
        auto found = core_->base.find_table(table_name(name));
        if (!found) return error{error_code::not_found, "dropping a collection"}.about(name);
        return core_->base.drop_table(*found);
    }

    // The store below: flush(), verify(), stats(), recovery(), tables of other kinds, transactions
    // across all.
    [[nodiscard]] store<App>& base() noexcept { return core_->base; }
    [[nodiscard]] const store<App>& base() const noexcept { return core_->base; }

    //   Effects     as store<App>::close
    [[nodiscard]] result<void> close() { return core_->base.close(); }

private:
    using core_type = detail::document_core<App>;

    explicit document_store(owned<core_type> core) noexcept : core_{std::move(core)} {}

    [[nodiscard]] static bytes table_name(bytes_view collection) {
        bytes name{bytes_view{detail::collection_prefix}};
        name.append(collection);
        return name;
    }
    owned<core_type> core_;
};

}  // namespace mantis
