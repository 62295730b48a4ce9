// SPDX-License-Identifier: BSL-1.0
//
// Under a sanitizer everything takes five to twenty times as long: what is tried of everything, or
// by seeds, is then one in so many.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr std::size_t one_in = 8;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr std::size_t one_in = 8;
#else
inline constexpr std::size_t one_in = 1;
#endif
#else
inline constexpr std::size_t one_in = 1;
#endif
