#ifndef CPLATFORM_H
#define CPLATFORM_H
/* What Glibc's Swift module lacks: see the .c files beside this folder. */
#include <stddef.h>
#include <stdint.h>

#endif
