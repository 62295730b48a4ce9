// SPDX-License-Identifier: BSL-1.0
//
// MANTIS_TEST_THREAD_SANITIZER is defined under it. It brings an operator new of its own, so a test
// that replaces that operator is left out there.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define MANTIS_TEST_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MANTIS_TEST_THREAD_SANITIZER 1
#endif
#endif
