// SPDX-License-Identifier: BSL-1.0
//
// One value that owns its bytes: an id, a number read from a command line, any JSON value.
//
// Kept as a document of one nameless field, so that its view is a view like any other.
#pragma once

#include "bson_writer.hpp"

namespace mantis {

class owned_value {
public:
    // A missing value.
    owned_value() noexcept = default;
    template <bson_encodable Value>
    requires(!std::same_as<Value, bson_value> &&
             !std::same_as<Value, owned_value>) explicit owned_value(const Value& value) {
        bson_writer wrapper;
        document_ = wrapper.add("", value).finish();
    }
    explicit owned_value(bson_value value) {
        bson_writer wrapper;
        if (value) document_ = wrapper.add("", value).finish();
    }
    //   Requires    `document` holds one field of no name
    [[nodiscard]] static owned_value from_wrapper(bytes document) noexcept {
        owned_value made;
        made.document_ = std::move(document);
        return made;
    }

    // Points into *this.
    [[nodiscard]] bson_value view() const noexcept {
        return bson_view{document_.view()}.begin()->value;
    }
    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(view()); }

private:
    bytes document_;
};

}  // namespace mantis
