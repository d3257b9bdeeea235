# SPDX-License-Identifier: BSD-2-Clause
# Third-party sources that are compiled into the kernel, and the console's font. usr/fetch.sh gets them.

SRC := $(B)/src
ZLIB_DIR := $(SRC)/zlib
BEARSSL_DIR := $(SRC)/bearssl

# A source tree is unpacked again when its row in the table has changed.
.PRECIOUS: $(SRC)/%.row
$(SRC)/%.row: usr/thirdparty.tsv
	@mkdir -p $(@D)
	@row="$$(awk -F '\t' '$$1 == "$*"' $<)"; [ -f $@ ] && [ "$$row" = "$$(cat $@)" ] || printf '%s\n' "$$row" >$@

$(SRC)/%/.unpacked: $(SRC)/%.row
	$(Q)usr/fetch.sh --unpack $* $(@D)
	@touch $@

# zlib's inflate (glue: who includes <zlib.h> in the kernel defines Z_SOLO first) and what the random pool
# needs of BearSSL.
TP_SRC := $(addprefix $(ZLIB_DIR)/,inflate.c inftrees.c inffast.c zutil.c adler32.c crc32.c) \
	  $(addprefix $(BEARSSL_DIR)/src/,symcipher/chacha20_ct.c hash/sha2small.c codec/dec32be.c codec/enc32be.c)
TP_OBJS := $(patsubst $(B)/%.c,$(KOBJ)/%.o,$(TP_SRC))
KOBJS += $(TP_OBJS) $(KOBJ)/gen/font.o
KCPPFLAGS += -isystem $(ZLIB_DIR) -isystem $(BEARSSL_DIR)/inc

$(KOBJS): | $(ZLIB_DIR)/.unpacked $(BEARSSL_DIR)/.unpacked
$(TP_SRC): | $(ZLIB_DIR)/.unpacked $(BEARSSL_DIR)/.unpacked
	@test -e $@

$(TP_OBJS): $(KOBJ)/%.o: $(B)/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(KCPPFLAGS) -isystem sys/lib/libc -I$(BEARSSL_DIR)/src -DZ_SOLO -DBR_INT128=0 -DBR_64=0 -DBR_USE_UNIX_TIME=0 \
		-DBR_RDRAND=0 -DBR_USE_GETENTROPY=0 -DBR_USE_URANDOM=0 -DBR_SSE2=0 -DBR_AES_X86NI=0 $(KFLAGS) -w -MMD -MP -c -o $@ $<

FONT_PSF := $(SRC)/font/usr/share/consolefonts/Uni2-VGA16.psf.gz

$(FONT_PSF): $(SRC)/font/.unpacked
	@test -e $@

$(GEN)/font.c: dev/gen_font.py $(FONT_PSF)
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)$(PYTHON) dev/gen_font.py $(FONT_PSF) >$@
