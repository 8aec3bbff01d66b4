"""A computation on the first GPU, through the driver alone: no package has to be installed.

As a program: computes until it is ended, holding 4 GiB of the GPU's memory, and writes into `progress` how many launches it has done and whether each
was right. A launch that was interrupted, or memory that was lost meanwhile, gives a wrong number for good.
"""

import ctypes
import os
import sys

THREADS, BLOCKS = 256, 4096
ROUNDS = 20_000
# Numerical Recipes' generator: x -> x * A + C modulo 2^32, so that no compiler sees what comes out.
A, C = 1664525, 1013904223
HELD_BYTES = 4 * 1024**3
KERNEL = b"""
.version 7.0
.target sm_70
.address_size 64
.visible .entry turn(.param .u64 values, .param .u32 rounds)
{
  .reg .pred %done;
  .reg .b32 %r<6>;
  .reg .b64 %a<3>;
  ld.param.u64 %a1, [values];
  ld.param.u32 %r1, [rounds];
  cvta.to.global.u64 %a1, %a1;
  mov.u32 %r2, %ctaid.x;
  mov.u32 %r3, %ntid.x;
  mov.u32 %r4, %tid.x;
  mad.lo.u32 %r2, %r2, %r3, %r4;
  mul.wide.u32 %a2, %r2, 4;
  add.s64 %a1, %a1, %a2;
  ld.global.u32 %r5, [%a1];
again:
  setp.eq.u32 %done, %r1, 0;
  @%done bra end;
  mad.lo.u32 %r5, %r5, 1664525, 1013904223;
  sub.u32 %r1, %r1, 1;
  bra again;
end:
  st.global.u32 [%a1], %r5;
  ret;
}
\0"""

try:
    cuda = ctypes.CDLL("libcuda.so.1")
except OSError as error:
    cuda = None
    missing = str(error)


def call(name, *args):
    if cuda is None:
        raise RuntimeError("NVIDIA's driver library is not to be seen: " + missing)
    code = getattr(cuda, name)(*args)
    if code != 0:
        text = ctypes.c_char_p()
        cuda.cuGetErrorString(code, ctypes.byref(text))
        raise RuntimeError("%s: %d %s" % (name, code, (text.value or b"").decode()))


def count():
    """How many GPUs this process sees; 0 where the driver shows none."""
    if cuda is None or cuda.cuInit(0) != 0:
        return 0
    found = ctypes.c_int()
    call("cuDeviceGetCount", ctypes.byref(found))
    return found.value


def turned(value, rounds):
    """`value` after so many rounds: the map is applied by repeated squaring."""
    factor, addend, total_factor, total_addend = A, C, 1, 0
    while rounds:
        if rounds & 1:
            total_factor, total_addend = total_factor * factor % 2**32, (total_addend * factor + addend) % 2**32
        factor, addend, rounds = factor * factor % 2**32, (addend * factor + addend) % 2**32, rounds >> 1
    return (value * total_factor + total_addend) % 2**32


class Device:
    def __init__(self):
        call("cuInit", 0)
        device, context, module = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_void_p()
        call("cuDeviceGet", ctypes.byref(device), 0)
        call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        call("cuCtxSetCurrent", context)
        call("cuModuleLoadData", ctypes.byref(module), KERNEL)
        self.kernel = ctypes.c_void_p()
        call("cuModuleGetFunction", ctypes.byref(self.kernel), module, b"turn")
        self.values = self.hold(THREADS * BLOCKS * 4)
        call("cuMemsetD32_v2", self.values, 0, ctypes.c_size_t(THREADS * BLOCKS))
        self.launches = 0

    def hold(self, size):
        memory = ctypes.c_uint64()
        call("cuMemAlloc_v2", ctypes.byref(memory), ctypes.c_size_t(size))
        return memory

    def launch(self):
        """Turns every value on, and answers the last thread's."""
        rounds = ctypes.c_uint32(ROUNDS)
        args = (ctypes.c_void_p * 2)(ctypes.addressof(self.values), ctypes.addressof(rounds))
        call("cuLaunchKernel", self.kernel, BLOCKS, 1, 1, THREADS, 1, 1, 0, None, args, None)
        result = ctypes.c_uint32()
        last = ctypes.c_uint64(self.values.value + (THREADS * BLOCKS - 1) * 4)
        call("cuMemcpyDtoH_v2", ctypes.byref(result), last, ctypes.c_size_t(4))
        self.launches += 1
        return result.value

    def expected(self):
        return turned(0, self.launches * ROUNDS)


def compute():
    gpu = Device()
    gpu.hold(HELD_BYTES)
    right = True
    while True:
        right = gpu.launch() == gpu.expected() and right
        with open("progress.new", "w") as file:
            file.write("%d %s\n" % (gpu.launches, "right" if right else "wrong"))
        os.replace("progress.new", "progress")


if __name__ == "__main__":
    if sys.argv[1:] == ["count"]:
        print("GPUs: %d" % count())
    else:
        compute()
