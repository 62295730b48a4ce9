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
        wrap(value);
    }
    explicit owned_value(bson_value value) {
        if (!value) return;
        document_.reserve(value.payload().size() + wrapper_bytes);
        wrap(value);
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
    // Length, type, the end of the name, the end of the document.
    static constexpr std::size_t wrapper_bytes = 4 + 1 + 1 + 1;

    template <class Value>
    void wrap(const Value& value) {
        document_.append(wrapper_bytes - 1, std::byte{0});
        document_[4] = static_cast<std::byte>(append_payload(document_, value));
        document_.push_back(std::byte{0});
        store_le(document_.data(), static_cast<std::uint32_t>(document_.size()));
    }

    bytes document_;
};

}  // namespace mantis
