// SPDX-License-Identifier: BSL-1.0
//
// A table of typed rows: the keys and values of a program's own types over the bytes of a table.
//
//   using order_key = std::tuple<std::string, std::uint64_t>;       // customer, number
//
//   auto orders = mantis::typed_table<order_key, order>::open(db, "orders").value();
//   auto tx     = db.begin();
//   orders.put(tx, {"alice", 17}, {.item = "tea", .price = 4.5});
//   auto found  = orders.get(tx, {"alice", 17});                    // result<std::optional<order>>
//   for (auto row : orders.scan_prefix(tx, "alice")) ...            // typed_cursor.hpp
//   auto done   = tx.commit();
//
// The codecs say what the bytes are (core/codec.hpp); they are inlined, and a key is encoded on the
// stack. The table stays one of bytes, which handle() uses as such. Of which types it is, is
// written nowhere: to open it with the types it was made for is the program's duty. Rows that do
// not decode are answered with `corrupt`, never as values.
//
// Threads: a typed table is like an int, and so is a handle; transactions have their own rule.
#pragma once

#include "detail/key_prefix.hpp"
#include "typed_cursor.hpp"

#include "../core/encoded.hpp"
#include "../core/key_codec.hpp"
#include "../core/value_codec.hpp"
#include "../fwd.hpp"

namespace mantis {

namespace detail {

// In place of one that does not fit, so that one mistake is one error.
struct any_codec {
    static constexpr bool keeps_order = true;
    static std::size_t bytes_of(const auto&) { return 0; }
    static std::byte* store(std::byte* into, const auto&) { return into; }
    static const char* load(bytes_view&, auto&) { return nullptr; }
};

template <class Key, class Value, class KeyCodec, class ValueCodec>
struct typed_table_sentences {
    // What a codec itself refuses is said here, and not again where it is asked for below.
    static_assert(sizeof(KeyCodec) > 0 && sizeof(ValueCodec) > 0);
    static constexpr bool key_fits = key_codec_of<KeyCodec, Key>;
    static constexpr bool value_fits = codec_of<ValueCodec, Value>;
    using key_codec_type = std::conditional_t<key_fits, KeyCodec, any_codec>;
    using value_codec_type = std::conditional_t<value_fits, ValueCodec, any_codec>;
    static_assert(key_fits,
                  "mantis: typed_table<Key, Value, KeyCodec>: KeyCodec is not a key codec of Key "
                  "(docs/typed_tables.md#codecs)");
    static_assert(
        value_fits,
        "mantis: typed_table<Key, Value, KeyCodec, ValueCodec>: ValueCodec is not a codec "
        "of Value (docs/typed_tables.md#codecs)");
    static_assert(fixed_bytes_of<at_end<key_codec_type>> <= max_key_bytes,
                  "mantis: typed_table<Key>: its keys take more than max_key_bytes");
    static_assert(std::is_default_constructible_v<Key> && std::is_default_constructible_v<Value>,
                  "mantis: typed_table<Key, Value>: a row is read into a Key{} and a Value{}, and "
                  "one of them cannot be made");
};

}  // namespace detail

template <class Key, class Value, class KeyCodec = key_codec<Key>,
          class ValueCodec = value_codec<Value>, class App = default_policies>
class typed_table : private detail::typed_table_sentences<Key, Value, KeyCodec, ValueCodec> {
    using sentences = detail::typed_table_sentences<Key, Value, KeyCodec, ValueCodec>;
    using key_codec_type = typename sentences::key_codec_type;
    using value_codec_type = typename sentences::value_codec_type;
    using encoded_key = encoded<key_codec_type, Key>;
    using encoded_value = encoded<value_codec_type, Value>;

public:
    using key_type = Key;
    using value_type = Value;
    // const Key&, or what its codec takes: bytes_view for text.
    using key_argument = typename detail::codec_argument<at_end<key_codec_type>, Key>::type;
    using value_argument = typename detail::codec_argument<at_end<value_codec_type>, Value>::type;
    using store_type = store<App>;
    using table_handle = typename store_type::table_handle;
    using transaction_type = typename store_type::transaction_type;
    using cursor_type = typed_cursor<Key, Value, key_codec_type, value_codec_type,
                                     typename store_type::engine_type>;

    //   Returns     the table of that name in `db`, made if there is none, with the store's first
    //               index or the named one; for the App of `db`, whatever this one's is
    //   Errors      as store::table()
    template <class Index = void, class Of>
    [[nodiscard]] static result<typed_table<Key, Value, KeyCodec, ValueCodec, Of>> open(
        store<Of>& db, bytes_view name) {
        auto made = [&] {
            if constexpr (std::is_void_v<Index>) return db.table(name);
            else return db.template table<Index>(name);
        }();
        if (!made) return std::move(made).error();
        return typed_table<Key, Value, KeyCodec, ValueCodec, Of>{*made};
    }
    explicit typed_table(table_handle of) noexcept : table_{of} {}

    // For the bytes API.
    [[nodiscard]] const table_handle& handle() const noexcept { return table_; }

    // A mistake in these two (a key too long, a dropped table) is answered by commit().
    void put(transaction_type& tx, key_argument key, value_argument value) const {
        const encoded_key row{key};
        const encoded_value stored{value};
        tx.put(table_, row.view(), stored.view());
    }
    void erase(transaction_type& tx, key_argument key) const {
        const encoded_key row{key};
        tx.erase(table_, row.view());
    }

    //   Returns     the value this transaction wrote, else the newest committed one, else none
    //   Errors      corrupt (the row does not decode: table, key and what is wrong), and as
    //               transaction::get()
    [[nodiscard, gnu::always_inline]] result<std::optional<Value>> get(transaction_type& tx,
                                                                       key_argument key) const {
        const encoded_key row{key};
        return decoded(row.view(), tx.get(table_, row.view()));
    }
    //   Returns     the newest committed value, or none
    //   Errors      corrupt, as above; as store::get()
    [[nodiscard, gnu::always_inline]] result<std::optional<Value>> get(store_type& db,
                                                                       key_argument key) const {
        const encoded_key row{key};
        return decoded(row.view(), db.get(table_, row.view()));
    }
    //   Returns     whether there is a row, whatever its value is
    //   Errors      as transaction::get()
    [[nodiscard]] result<bool> contains(transaction_type& tx, key_argument key) const {
        const encoded_key row{key};
        auto found = tx.get(table_, row.view());
        if (!found) return std::move(found).error();
        return found->has_value();
    }

    // All rows.
    [[nodiscard]] cursor_type scan(transaction_type& tx) const { return {tx, table_, {}}; }
    // Those whose keys are from `from` on and before `to`.
    [[nodiscard]] cursor_type scan(transaction_type& tx, key_argument from, key_argument to) const {
        const encoded_key first{from};
        const encoded_key last{to};
        return {tx, table_, before(first.view(), last.view())};
    }
    [[nodiscard]] cursor_type scan_from(transaction_type& tx, key_argument from) const {
        const encoded_key first{from};
        return {tx, table_, {first.view(), {}}};
    }
    [[nodiscard]] cursor_type scan_before(transaction_type& tx, key_argument to) const {
        const encoded_key last{to};
        return {tx, table_, before({}, last.view())};
    }
    // Those whose keys begin with these fields, each as a whole; of a table whose key is a text,
    // those that begin with that text.
    template <class... Leading>
    [[nodiscard]] cursor_type scan_prefix(transaction_type& tx, const Leading&... leading) const {
        using prefix = detail::key_prefix<key_codec_type, Key, Leading...>;
        if constexpr (!prefix::fits) {
            static_assert(prefix::fits,
                          "mantis: typed_table::scan_prefix(): it takes the first fields of the "
                          "key, each of the field's own type, but not all of them, or the text "
                          "that a key of text begins with");
            return scan(tx);
        } else {
            const typename prefix::type begins{typename prefix::fields{leading...}};
            const bytes end = detail::behind_prefix(begins.view());
            return {tx, table_, {begins.view(), end}};
        }
    }

private:
    // Nothing is before an empty key; for a cursor an empty end is none.
    [[nodiscard]] static key_range before(bytes_view from, bytes_view to) {
        return to.empty() ? key_range{"x", "x"} : key_range{from, to};
    }

    // Inlined, so that the rows of a loop go from the bytes into registers.
    [[nodiscard, gnu::always_inline]] result<std::optional<Value>> decoded(
        bytes_view key, result<std::optional<bytes>>&& found) const {
        if (!found) [[unlikely]]
            return std::move(found).error();
        if (!*found) return std::optional<Value>{};
        result<std::optional<Value>> answer{std::optional<Value>{std::in_place}};
        const char* const wrong = read(**found, **answer);
        if (wrong != nullptr) [[unlikely]]
            answer = detail::undecodable_value(table_.name(), key, wrong, **found);
        return answer;
    }
    [[nodiscard]] static const char* read(bytes& from, Value& value) {
        if constexpr (requires { at_end<value_codec_type>::adopt(std::move(from), value); }) {
            at_end<value_codec_type>::adopt(std::move(from), value);
            return nullptr;
        } else {
            return decode<value_codec_type>(from, value);
        }
    }

    table_handle table_;
};

}  // namespace mantis
