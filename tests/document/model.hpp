// SPDX-License-Identifier: BSL-1.0
//
// Documents as plain trees, and filters and updates over them written in the simplest way: what the
// real ones are compared with. Also random documents from a seed.
#pragma once

#include <mantis/document/bson.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace mantis_test {

using mantis::bson_type;
using mantis::bson_value;
using mantis::bson_view;

struct tree {
    bson_type type = bson_type::missing;
    long double number = 0;          // 64 bits of mantissa: every int64 and every double exactly
    std::string text;                // of text; the payload of what has no own member
    std::vector<std::string> names;  // of the fields, or the indexes of elements
    std::vector<tree> values;

    static tree from(bson_value value) {
        tree made;
        made.type = value.type();
        if (value.is_integer()) made.number = static_cast<long double>(value.as_integer());
        else if (value.is_number()) made.number = value.as_float64();
        else if (value.type() == bson_type::text) made.text = value.as_text().as<std::string>();
        else if (value.is_nested()) made = from(value.as_document(), value.type());
        else made.text = value.payload().as<std::string>();
        return made;
    }
    static tree from(bson_view document, bson_type type = bson_type::document) {
        tree made;
        made.type = type;
        for (const auto& field : document)
            made.add(field.name.as<std::string>(), from(field.value));
        return made;
    }

    bool is_number() const {
        return type == bson_type::int32 || type == bson_type::int64 || type == bson_type::float64;
    }
    bool is_null() const { return type == bson_type::null || type == bson_type::missing; }
    const tree* field(const std::string& name) const {
        for (std::size_t at = 0; at < names.size(); ++at)
            if (names[at] == name) return &values[at];
        return nullptr;
    }
    void add(const std::string& name, tree value) {
        names.push_back(name);
        values.push_back(std::move(value));
    }
    void remove(const std::string& name) {
        const auto at = std::find(names.begin(), names.end(), name) - names.begin();
        names.erase(names.begin() + at);
        values.erase(values.begin() + at);
    }
    tree* field(const std::string& name) {
        return const_cast<tree*>(std::as_const(*this).field(name));
    }

    friend bool operator==(const tree& a, const tree& b) {
        if (a.is_number() && b.is_number()) return a.number == b.number;
        if (a.is_null() && b.is_null()) return true;
        return a.type == b.type && a.text == b.text && a.names == b.names && a.values == b.values;
    }
};

inline std::vector<std::string> split(const std::string& dotted) {
    std::vector<std::string> parts(1);
    for (const char c : dotted)
        if (c == '.') parts.emplace_back();
        else parts.back().push_back(c);
    return parts;
}

// Every value the path reaches; a missing field is a missing tree.
inline void reach(const tree& value, const std::vector<std::string>& path, std::size_t at,
                  std::vector<tree>& into) {
    if (at == path.size()) return into.push_back(value);
    if (value.type == bson_type::array) {
        for (std::size_t i = 0; i < value.values.size(); ++i) {
            const tree& element = value.values[i];
            if (std::to_string(i) == path[at]) reach(element, path, at + 1, into);
            if (element.type == bson_type::document) reach(element, path, at, into);
        }
        return;
    }
    const tree* const next = value.type == bson_type::document ? value.field(path[at]) : nullptr;
    if (next == nullptr) into.emplace_back();
    else reach(*next, path, at + 1, into);
}

// Is `op` true of a and b, both numbers or both texts? No other kinds are ordered here.
inline bool ordered(const std::string& op, const tree& a, const tree& b) {
    if (op == "$eq") return a == b;
    const auto compare = [&](const auto& x, const auto& y) {
        return op == "$gt" ? x > y : op == "$gte" ? x >= y : op == "$lt" ? x < y : x <= y;
    };
    if (a.is_number() && b.is_number()) return compare(a.number, b.number);
    if (a.type == bson_type::text && b.type == bson_type::text) return compare(a.text, b.text);
    return a.is_null() && b.is_null() && (op == "$gte" || op == "$lte");
}

inline bool model_matches(const tree& document, const tree& filter);

inline bool model_operator(const tree& document, const std::string& path, const std::string& op,
                           const tree& operand) {
    if (op == "$ne") return !model_operator(document, path, "$eq", operand);
    if (op == "$not") {
        for (std::size_t at = 0; at < operand.names.size(); ++at)
            if (!model_operator(document, path, operand.names[at], operand.values[at])) return true;
        return false;
    }
    if (op == "$in") {
        for (const tree& each : operand.values)
            if (model_operator(document, path, "$eq", each)) return true;
        return false;
    }
    std::vector<tree> reached;
    reach(document, split(path), 0, reached);
    if (op == "$exists") {
        bool any = false;
        for (const tree& each : reached) any = any || each.type != bson_type::missing;
        return any == (operand.text == std::string(1, '\1'));
    }
    for (const tree& each : reached) {
        if (ordered(op, each, operand)) return true;
        if (each.type != bson_type::array) continue;
        for (const tree& element : each.values)
            if (ordered(op, element, operand)) return true;
    }
    return false;
}

inline bool model_matches(const tree& document, const tree& filter) {
    for (std::size_t at = 0; at < filter.names.size(); ++at) {
        const std::string& name = filter.names[at];
        const tree& operand = filter.values[at];
        if (name == "$and" || name == "$or") {
            std::size_t holding = 0;
            for (const tree& each : operand.values) holding += model_matches(document, each);
            if (name == "$and" ? holding != operand.values.size() : holding == 0) return false;
        } else if (operand.type == bson_type::document && !operand.names.empty() &&
                   operand.names[0].rfind('$', 0) == 0) {
            for (std::size_t i = 0; i < operand.names.size(); ++i)
                if (!model_operator(document, name, operand.names[i], operand.values[i]))
                    return false;
        } else if (!model_operator(document, name, "$eq", operand)) {
            return false;
        }
    }
    return true;
}

// Random values from a seed.
class chance {
public:
    explicit chance(std::uint64_t seed) : state_{seed * 0x9e3779b97f4a7c15u + 1} {}

    std::uint64_t bits() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return state_ * 0x2545f4914f6cdd1du;
    }
    std::size_t below(std::size_t bound) { return static_cast<std::size_t>(bits() >> 16) % bound; }
    bool one_in(std::size_t count) { return below(count) == 0; }
    template <class T>
    const T& of(const std::vector<T>& choices) {
        return choices[below(choices.size())];
    }

private:
    std::uint64_t state_;
};

// Few names and few values, so that paths reach and comparisons meet.
inline void add_random_fields(mantis::bson_writer& to, chance& random, std::size_t depth);

inline void push_random(mantis::bson_writer& to, chance& random, std::size_t depth) {
    switch (random.below(depth == 0 ? 6 : 8)) {
        case 0: to.push(static_cast<std::int64_t>(random.below(5))); break;
        case 1: to.push(static_cast<double>(random.below(10)) / 2); break;
        case 2: to.push(std::string(1, static_cast<char>('a' + random.below(3)))); break;
        case 3: to.push(random.one_in(2)); break;
        case 4: to.push(nullptr); break;
        case 5: to.push(mantis::date_time{static_cast<std::int64_t>(random.below(3))}); break;
        case 6:
            to.push_document();
            add_random_fields(to, random, depth - 1);
            to.end();
            break;
        default:
            to.push_array();
            for (std::size_t left = random.below(4); left != 0; --left)
                push_random(to, random, depth - 1);
            to.end();
    }
}

inline void add_random_fields(mantis::bson_writer& to, chance& random, std::size_t depth) {
    for (const char* const name : {"a", "b", "c", "0"}) {
        if (random.one_in(3)) continue;
        mantis::bson_writer value;
        value.begin_array("");
        push_random(value, random, depth);
        const mantis::bytes wrapped = value.end().finish();
        to.add(name, bson_view{wrapped}[""].as_document()["0"]);
    }
}

inline mantis::bytes random_document(chance& random, std::size_t depth = 3) {
    mantis::bson_writer writer;
    add_random_fields(writer, random, depth);
    return writer.finish();
}

}  // namespace mantis_test
