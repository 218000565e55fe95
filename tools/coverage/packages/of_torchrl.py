"""torchrl: the networks of its modules."""

from __future__ import annotations

from torchrl import modules

from tools.coverage.specs import call, floats

DISTRIBUTIONS = ("torchrl",)

NETWORKS = {
    "MLP": lambda: call(modules.MLP(in_features=17, out_features=6, num_cells=[256, 256]), floats(32, 17)),
    "ConvNet": lambda: call(modules.ConvNet(in_features=3, num_cells=[32, 64, 64]), floats(8, 3, 84, 84)),
    "ConvNet-lazy": lambda: call(modules.ConvNet(num_cells=[32, 64, 64]), floats(8, 3, 84, 84)),
    "Conv3dNet": lambda: call(modules.Conv3dNet(in_features=3, num_cells=[16, 32]), floats(2, 3, 16, 32, 32)),
    "DuelingCnnDQNet": lambda: call(modules.DuelingCnnDQNet(6), floats(8, 4, 84, 84)),
    "DdpgCnnActor": lambda: call(modules.DdpgCnnActor(4), floats(8, 3, 64, 64)),
    "DdpgMlpActor": lambda: call(modules.DdpgMlpActor(4), floats(8, 17)),
    "DdpgMlpQNet": lambda: call(modules.DdpgMlpQNet(), floats(8, 17), floats(8, 4)),
    "MultiAgentMLP": lambda: call(
        modules.MultiAgentMLP(
            n_agent_inputs=8, n_agent_outputs=2, n_agents=3, centralised=False, share_params=False
        ),
        floats(16, 3, 8),
    ),
    "MultiAgentConvNet": lambda: call(
        modules.MultiAgentConvNet(n_agents=3, centralized=True, share_params=True), floats(4, 3, 3, 64, 64)
    ),
    "QMixer": lambda: call(
        modules.QMixer(state_shape=(12,), mixing_embed_dim=32, n_agents=3, device="cpu"),
        floats(8, 3, 1),
        floats(8, 12),
    ),
    "NoisyLinear": lambda: call(modules.NoisyLinear(17, 6), floats(8, 17)),
    "ObsEncoder": lambda: call(modules.ObsEncoder(in_channels=3), floats(4, 3, 64, 64)),
    "ObsDecoder": lambda: call(modules.ObsDecoder(latent_dim=230), floats(4, 30), floats(4, 200)),
    "RSSMPosterior": lambda: call(
        modules.RSSMPosterior(rnn_hidden_dim=200, obs_embed_dim=1024), floats(4, 200), floats(4, 1024)
    ),
    "DTActor": lambda: call(modules.DTActor(11, 3), floats(2, 20, 11), floats(2, 20, 3), floats(2, 20, 1)),
}
