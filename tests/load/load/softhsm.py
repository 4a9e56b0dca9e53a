"""What SoftHSM itself takes for a signature: the very calls that an instance makes, through the same module, without
the instance. The difference between this and an instance's CPU for a timestamp is ours."""

import ctypes
import time

# The few constants of PKCS#11 that a signature needs (PKCS #11 v2.40, pkcs11t.h).
CKF_SERIAL_SESSION = 4
CKU_USER = 1
CKO_PRIVATE_KEY = 3
CKA_CLASS, CKA_LABEL = 0, 3
CKM_RSA_PKCS, CKM_ECDSA = 0x0001, 0x1041
ULONG = ctypes.c_ulong

# A DigestInfo with SHA-256, or a digest as long as the curve: what goes into the token.
SIGNED = {"p256": (CKM_ECDSA, 32), "p384": (CKM_ECDSA, 48), "rsa3072": (CKM_RSA_PKCS, 51)}
ROUNDS = 9
ROUND_SECONDS = 0.15


class Attribute(ctypes.Structure):
    _fields_ = (("type", ULONG), ("value", ctypes.c_char_p), ("length", ULONG))


class Mechanism(ctypes.Structure):
    _fields_ = (("mechanism", ULONG), ("parameter", ctypes.c_void_p), ("length", ULONG))


class SoftHsm:
    """One session with the token, logged in."""

    def __init__(self, token, pin):
        self.module = ctypes.CDLL(token.module)
        self.call("C_Initialize", None)
        self.session = ULONG()
        self.call("C_OpenSession", ULONG(self.slot(token.LABEL)), ULONG(CKF_SERIAL_SESSION), None, None, ctypes.byref(self.session))
        self.call("C_Login", self.session, ULONG(CKU_USER), pin.encode(), ULONG(len(pin)))

    def call(self, name, *arguments):
        code = getattr(self.module, name)(*arguments)
        if code:
            raise RuntimeError(f"{name} answers {code:#x}")

    def slot(self, label):
        slots, count = (ULONG * 16)(), ULONG(16)
        self.call("C_GetSlotList", ctypes.c_ubyte(1), slots, ctypes.byref(count))
        for slot in slots[: count.value]:
            # CK_TOKEN_INFO begins with the label, 32 characters filled up with blanks.
            info = ctypes.create_string_buffer(512)
            self.call("C_GetTokenInfo", ULONG(slot), info)
            if info.raw[:32].decode().strip() == label:
                return slot
        raise RuntimeError(f"no token {label}")

    def key(self, label):
        kind = ctypes.cast(ctypes.pointer(ULONG(CKO_PRIVATE_KEY)), ctypes.c_char_p)
        wanted = (Attribute * 2)(
            Attribute(CKA_CLASS, kind, ctypes.sizeof(ULONG)), Attribute(CKA_LABEL, label.encode(), len(label))
        )
        self.call("C_FindObjectsInit", self.session, wanted, ULONG(2))
        key, count = ULONG(), ULONG()
        self.call("C_FindObjects", self.session, ctypes.byref(key), ULONG(1), ctypes.byref(count))
        self.call("C_FindObjectsFinal", self.session)
        return key

    def signature(self, kind):
        """Microseconds of CPU of one signature: the best of several rounds, when nobody disturbed it."""
        key, (mechanism, length) = self.key(kind), SIGNED[kind]
        how, signed, signature = Mechanism(mechanism, None, 0), b"\7" * length, ctypes.create_string_buffer(512)

        def sign():
            size = ULONG(512)
            self.call("C_SignInit", self.session, ctypes.byref(how), key)
            self.call("C_Sign", self.session, signed, ULONG(length), signature, ctypes.byref(size))

        def round_of():
            times, began = 0, time.thread_time()
            while (taken := time.thread_time() - began) < ROUND_SECONDS:
                sign()
                times += 1
            return taken / times * 1e6

        return min(round_of() for _ in range(ROUNDS))

    def close(self):
        self.call("C_Finalize", None)


def signatures(token, pin):
    """By kind of key."""
    hsm = SoftHsm(token, pin)
    try:
        return {kind: hsm.signature(kind) for kind in SIGNED}
    finally:
        hsm.close()
