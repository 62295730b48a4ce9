// SPDX-License-Identifier: BSL-1.0
//
// Filters written in C++: the same conditions as filter.hpp reads, without text.
//
//   auto adults = where("age") >= 18 && where("address.country").in("CH", "AT");
//   collection.find({.filter = adults.compile().value()}, print);
#pragma once

#include "bson_writer.hpp"
#include "filter.hpp"

namespace mantis {

class condition {
public:
    //   Errors      as filter::compile
    [[nodiscard]] result<filter> compile() const { return filter::compile(bson_view{document()}); }

    // As filter.hpp's notation.
    [[nodiscard]] bytes document() const {
        if (parts_.size() == 1) return parts_[0];
        bson_writer writer;
        writer.begin_array(any_ ? "$or" : "$and");
        for (const bytes& part : parts_) writer.push(bson_view{part});
        return writer.end().finish();
    }

    [[nodiscard]] friend condition operator&&(const condition& a, const condition& b) {
        return joined(a, b, false);
    }
    [[nodiscard]] friend condition operator||(const condition& a, const condition& b) {
        return joined(a, b, true);
    }

private:
    friend class where;
    explicit condition(bytes single) { parts_.push_back(std::move(single)); }
    condition() = default;

    [[nodiscard]] static condition joined(const condition& a, const condition& b, bool any) {
        condition both;
        both.any_ = any;
        for (const condition* const side : {&a, &b}) {
            if (side->any_ == any)
                for (const bytes& part : side->parts_) both.parts_.push_back(part);
            else both.parts_.push_back(side->document());
        }
        return both;
    }

    std::vector<bytes> parts_;
    bool any_ = false;  // of the parts, not all
};

// The field that a condition is about; comparing it with a value makes the condition.
class where {
public:
    explicit where(bytes_view path) : path_{path} {}

    template <bson_encodable Value>
    [[nodiscard]] friend condition operator==(const where& field, const Value& value) {
        return field.compare("$eq", value);
    }
    template <bson_encodable Value>
    [[nodiscard]] friend condition operator!=(const where& field, const Value& value) {
        return field.compare("$ne", value);
    }
    template <bson_encodable Value>
    [[nodiscard]] friend condition operator>(const where& field, const Value& value) {
        return field.compare("$gt", value);
    }
    template <bson_encodable Value>
    [[nodiscard]] friend condition operator>=(const where& field, const Value& value) {
        return field.compare("$gte", value);
    }
    template <bson_encodable Value>
    [[nodiscard]] friend condition operator<(const where& field, const Value& value) {
        return field.compare("$lt", value);
    }
    template <bson_encodable Value>
    [[nodiscard]] friend condition operator<=(const where& field, const Value& value) {
        return field.compare("$lte", value);
    }

    template <bson_encodable... Values>
    [[nodiscard]] condition in(const Values&... values) const {
        bson_writer writer;
        writer.begin_document(path_).begin_array("$in");
        (writer.push(values), ...);
        return condition{writer.end().end().finish()};
    }
    [[nodiscard]] condition exists() const { return compare("$exists", true); }
    [[nodiscard]] condition missing() const { return compare("$exists", false); }

private:
    template <class Value>
    [[nodiscard]] condition compare(bytes_view op, const Value& value) const {
        bson_writer writer;
        return condition{writer.begin_document(path_).add(op, value).end().finish()};
    }

    bytes path_;
};

}  // namespace mantis
