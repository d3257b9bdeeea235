/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtio devices on PCI (virtio 1.2, 4.1): which they are, and their interrupts. The registers are modern.c's or legacy.c's.
 *
 * Interrupts: with MSI-X a vector for each queue and one for changes of the configuration; with fewer vectors the queues share.
 * Without MSI-X the one interrupt's cause is in the ISR register.
 */
#include "dev/virtio/virtio_pci.h"

#include "dev/irq.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/log.h"

#define VENDOR_VIRTIO		0x1af4
#define TRANSITIONAL_FIRST	0x1000
#define TRANSITIONAL_COUNT	0x40
#define MODERN_FIRST		0x1040
#define MODERN_COUNT		0x40

#define ISR_QUEUE	1
#define ISR_CONFIG	2

/* --- interrupts --- */

static void
serve_queues(struct virtio_pci *vp, const struct virtio_pci_vector *v)
{
	for (u32 i = 0; i < vp->vd.nqueues; i++)
		if (v == NULL || vp->vd.queues[i]->vector == v->index)
			(void)virtqueue_interrupt(vp->vd.queues[i]);
}

static enum irq_result
message_interrupt(u32 irq, void *arg)
{
	struct virtio_pci_vector *v = arg;

	(void)irq;
	if (v->only != NULL)
		(void)virtqueue_interrupt(v->only);
	else
		serve_queues(v->vp, v);
	/* Where queues and configuration have only one vector, one message may stand for both. */
	if (v->config)
		virtio_config_interrupt(&v->vp->vd);
	return IRQ_HANDLED;
}

static enum irq_result
line_interrupt(u32 irq, void *arg)
{
	struct virtio_pci *vp = ((struct virtio_pci_vector *)arg)->vp;
	u8 isr = virtio_pci_isr(vp);

	(void)irq;
	if (isr == 0 || isr == 0xff)
		return IRQ_NONE;
	if (isr & ISR_CONFIG)
		virtio_config_interrupt(&vp->vd);
	if (isr & ISR_QUEUE)
		serve_queues(vp, NULL);
	return IRQ_HANDLED;
}

/* Which vector serves what: the last one changes, the others the queues, in turn. */
static void
share_out(struct virtio_pci *vp)
{
	u32 nq = vp->vd.nqueues, nqv = vp->nvectors > 1 ? vp->nvectors - 1 : 1;

	vp->config_vector = vp->msix ? (u16)(vp->nvectors - 1) : VIRTIO_NO_VECTOR;
	for (u32 i = 0; i < vp->nvectors; i++) {
		struct virtio_pci_vector *v = &vp->vectors[i];

		*v = (struct virtio_pci_vector){ .vp = vp, .index = (u16)i, .config = i == vp->nvectors - 1 };
		snprintf(v->name, sizeof(v->name), v->config && vp->nvectors > 1 ? "%s-config" : vp->msix ? "%s-virtqueues" : "%s", vp->vd.dev.name);
	}
	for (u32 i = 0; i < nq; i++) {
		struct virtqueue *vq = vp->vd.queues[i];

		vq->vector = !vp->msix || vq->callback == NULL ? VIRTIO_NO_VECTOR : (u16)(i % nqv);
		if (vp->nvectors == nq + 1 && vq->vector != VIRTIO_NO_VECTOR) {
			vp->vectors[i].only = vq;
			snprintf(vp->vectors[i].name, sizeof(vp->vectors[i].name), "%s", vq->name);
		}
	}
}

int
virtio_pci_irqs_create(struct virtio_device *vd)
{
	struct virtio_pci *vp = virtio_pci_of(vd);
	u32 want = vd->nqueues + 1, flags, done = 0;
	int err = -ENOMEM, got;

	vp->irqs = kmem_alloc_array(want, sizeof(vp->irqs[0]), KM_ZERO);
	vp->vectors = kmem_alloc_array(want, sizeof(vp->vectors[0]), KM_ZERO);
	if (vp->irqs == NULL || vp->vectors == NULL)
		goto out_free;
	got = pci_irq_alloc(vp->pci, want, vp->irqs, &flags);
	if (got < 0) {
		err = got;
		goto out_free;
	}
	vp->msix = pci_has_msix(vp->pci);
	vp->nvectors = vp->msix ? (u32)got : 1;
	share_out(vp);
	for (; done < vp->nvectors; done++) {
		err = irq_request(vp->irqs[done], vp->msix ? message_interrupt : line_interrupt, &vp->vectors[done], flags, vp->vectors[done].name);
		if (err != 0)
			goto out_irqs;
	}
	return 0;
out_irqs:
	while (done-- > 0)
		irq_free(vp->irqs[done], &vp->vectors[done]);
	pci_irq_free(vp->pci);
	vp->nvectors = 0;
	vp->msix = false;
out_free:
	kmem_free(vp->irqs);
	kmem_free(vp->vectors);
	vp->irqs = NULL;
	vp->vectors = NULL;
	return err;
}

void
virtio_pci_irqs_destroy(struct virtio_device *vd)
{
	struct virtio_pci *vp = virtio_pci_of(vd);

	for (u32 i = 0; i < vp->nvectors; i++)
		irq_free(vp->irqs[i], &vp->vectors[i]);
	pci_irq_free(vp->pci);
	vp->nvectors = 0;
	vp->msix = false;
	kmem_free(vp->irqs);
	kmem_free(vp->vectors);
	vp->irqs = NULL;
	vp->vectors = NULL;
}

void
virtio_pci_irqs_wait(struct virtio_device *vd)
{
	struct virtio_pci *vp = virtio_pci_of(vd);

	for (u32 i = 0; i < vp->nvectors; i++)
		irq_synchronize(vp->irqs[i]);
}

void
virtio_pci_cut_off(struct virtio_device *vd)
{
	struct pci_device *pci = virtio_pci_of(vd)->pci;

	pci_write16(pci, PCI_REG_COMMAND, pci_read16(pci, PCI_REG_COMMAND) & (u16)~PCI_COMMAND_MASTER);
}

/* --- devices --- */

static void
release(struct device *d)
{
	struct virtio_pci *vp = container_of(d, struct virtio_pci, vd.dev);

	virtio_pci_modern_release(vp);
	kmem_free(vp);
}

static int
probe(struct pci_device *pci, const struct pci_id *id)
{
	struct virtio_pci *vp = kmem_alloc(sizeof(*vp), KM_ZERO);
	int err;

	if (vp == NULL)
		return -ENOMEM;
	vp->pci = pci;
	vp->vd.dev.parent = &pci->dev;
	vp->vd.dev.release = release;
	vp->vd.vendor_id = pci->subvendor;
	vp->vd.device_id = pci->device >= MODERN_FIRST ? pci->device - MODERN_FIRST : pci->subdevice;
	vp->vd.dma = (struct dma_limits){ .mask = ~0UL, .max_segments = DMA_SEGMENTS_MAX };
	pci_enable(pci, true);
	err = virtio_pci_modern_setup(vp);
	if (err == -ENODEV && pci->device < MODERN_FIRST)
		err = virtio_pci_legacy_setup(vp);
	if (err == 0)
		err = virtio_device_add(&vp->vd);
	if (err != 0) {
		pci_disable(pci);
		virtio_pci_modern_release(vp);
		kmem_free(vp);
		return err;
	}
	pci->priv = vp;
	return 0;
}

static void
remove(struct pci_device *pci)
{
	struct virtio_pci *vp = pci->priv;

	pci->priv = NULL;
	virtio_device_remove(&vp->vd);
	pci_disable(pci);
}

static struct pci_id ids[TRANSITIONAL_COUNT + MODERN_COUNT + 1];	/* [I] after boot */
static struct pci_driver driver = { .name = "virtio-pci", .ids = ids, .probe = probe, .remove = remove };

void
virtio_pci_init(void)
{
	for (u32 i = 0; i < TRANSITIONAL_COUNT + MODERN_COUNT; i++)
		ids[i] = (struct pci_id){ .vendor = VENDOR_VIRTIO, .device = TRANSITIONAL_FIRST + i };
	pci_driver_register(&driver);
}
