using System.Globalization;
using System.Text.Json;
using RftService.Engine.Checkpoints;

namespace RftService.Engine.Tests.Models.Families;

/// <summary>
/// The oracle: every family's forward pass once more, in double precision on plain arrays, token by token, from the raw config.json and
/// the tensors' Hugging Face names. It shares no code with the engine but the file reader, and reads as the published modelling code does.
/// </summary>
internal sealed class NaiveDecoder
{
    private readonly JsonElement _config;
    private readonly Dictionary<string, double[]> _weights = [];
    private readonly string _type;
    private readonly int _hidden, _inner, _layers, _heads, _keyHeads, _head;

    public NaiveDecoder(TinyModel model)
    {
        _config = JsonDocument.Parse(File.ReadAllText(Path.Combine(model.Folder, "config.json"))).RootElement;
        _type = _config.GetProperty("model_type").GetString()!;
        (_hidden, _inner, _layers) = ((int)Number("hidden_size"), (int)Number("intermediate_size"), (int)Number("num_hidden_layers"));
        (_heads, _keyHeads) = ((int)Number("num_attention_heads"), (int)Number("num_key_value_heads"));
        _head = (int)Number("head_dim", _hidden / _heads);
        using var file = SafeTensorsFile.Open(model.Weights);
        foreach (var entry in file.Entries)
        {
            var values = new float[entry.Elements];
            file.CopyTo(entry.Name, 0, values);
            _weights[entry.Name] = Array.ConvertAll(values, value => (double)value);
        }
    }

    private bool IsGemma => _type.StartsWith("gemma", StringComparison.Ordinal);

    /// <summary>Logits of every position, [S][V].</summary>
    public double[][] Logits(int[] tokens)
    {
        var table = _weights["model.embed_tokens.weight"];
        var stream = Array.ConvertAll(tokens, token => table[(token * _hidden)..((token + 1) * _hidden)]);
        if (IsGemma)
        {
            stream = Array.ConvertAll(stream, x => Array.ConvertAll(x, value => value * Math.Sqrt(_hidden)));
        }

        for (var layer = 0; layer < _layers; layer++)
        {
            stream = Layer(stream, layer);
        }

        var head = _weights.GetValueOrDefault("lm_head.weight", table);
        return Array.ConvertAll(stream, x => Cap(Multiply(head, Norm(x, "model.norm.weight")), "final_logit_softcapping"));
    }

    private double[][] Layer(double[][] stream, int layer)
    {
        var prefix = $"model.layers.{layer}.";
        var attended = Attend(Array.ConvertAll(stream, x => Norm(x, prefix + "input_layernorm.weight")), layer, prefix + "self_attn.");
        if (IsGemma)
        {
            attended = Array.ConvertAll(attended, x => Norm(x, prefix + "post_attention_layernorm.weight"));
        }

        stream = [.. stream.Zip(attended, Add)];
        var before = prefix + (IsGemma ? "pre_feedforward_layernorm.weight" : "post_attention_layernorm.weight");
        var fed = Array.ConvertAll(stream, x => Feed(Norm(x, before), prefix + "mlp."));
        if (IsGemma)
        {
            fed = Array.ConvertAll(fed, x => Norm(x, prefix + "post_feedforward_layernorm.weight"));
        }

        return [.. stream.Zip(fed, Add)];
    }

    private double[] Feed(double[] x, string prefix)
    {
        double[] gate, up;
        if (_type == "phi3")
        {
            var both = Linear(x, prefix + "gate_up_proj");
            (gate, up) = (both[.._inner], both[_inner..]);
        }
        else
        {
            (gate, up) = (Linear(x, prefix + "gate_proj"), Linear(x, prefix + "up_proj"));
        }

        return Linear([.. gate.Zip(up, (g, u) => Activate(g) * u)], prefix + "down_proj");
    }

    private double Activate(double x) => IsGemma
        ? 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))))
        : x / (1 + Math.Exp(-x));

    private double[][] Attend(double[][] input, int layer, string prefix)
    {
        var count = input.Length;
        var (queries, keys, values) = (new double[count][][], new double[count][][], new double[count][][]);
        for (var t = 0; t < count; t++)
        {
            double[] q, k, v;
            if (_type == "phi3")
            {
                var all = Linear(input[t], prefix + "qkv_proj");
                (q, k, v) = (all[..(_heads * _head)], all[(_heads * _head)..((_heads + _keyHeads) * _head)], all[((_heads + _keyHeads) * _head)..]);
            }
            else
            {
                (q, k, v) = (Linear(input[t], prefix + "q_proj"), Linear(input[t], prefix + "k_proj"), Linear(input[t], prefix + "v_proj"));
            }

            (queries[t], keys[t], values[t]) = ([.. q.Chunk(_head)], [.. k.Chunk(_head)], [.. v.Chunk(_head)]);
            if (_type is "qwen3" or "gemma3_text")
            {
                queries[t] = Array.ConvertAll(queries[t], head => Norm(head, prefix + "q_norm.weight"));
                keys[t] = Array.ConvertAll(keys[t], head => Norm(head, prefix + "k_norm.weight"));
            }

            if (NaiveRope.Of(_config, _type, layer, Slides(layer), _head) is { } rope)
            {
                queries[t] = Array.ConvertAll(queries[t], head => rope.Turn(head, t));
                keys[t] = Array.ConvertAll(keys[t], head => rope.Turn(head, t));
            }
        }

        var scale = 1 / Math.Sqrt(IsGemma ? Number("query_pre_attn_scalar", 256) : _head);
        var outputs = new double[count][];
        for (var t = 0; t < count; t++)
        {
            var mixed = new List<double>();
            for (var head = 0; head < _heads; head++)
            {
                var group = head / (_heads / _keyHeads);
                var first = Slides(layer) ? Math.Max(0, t - (int)Number("sliding_window") + 1) : 0;
                var scores = Cap([.. Enumerable.Range(first, t - first + 1).Select(s => scale * Dot(queries[t][head], keys[s][group]))], "attn_logit_softcapping");
                var top = scores.Max();
                var weights = Array.ConvertAll(scores, score => Math.Exp(score - top));
                mixed.AddRange(Enumerable.Range(0, _head).Select(i =>
                    weights.Select((weight, s) => weight * values[first + s][group][i]).Sum() / weights.Sum()));
            }

            outputs[t] = Linear([.. mixed], prefix + "o_proj");
        }

        return outputs;
    }

    private bool Slides(int layer)
    {
        if (_config.TryGetProperty("layer_types", out var types) && types.ValueKind == JsonValueKind.Array)
        {
            return types[layer].GetString() == "sliding_attention";
        }

        return _type switch
        {
            "mistral" or "phi3" => Has("sliding_window"),
            "qwen2" or "qwen3" => Has("use_sliding_window") && _config.GetProperty("use_sliding_window").GetBoolean() && layer >= (int)Number("max_window_layers"),
            "gemma2" => layer % 2 == 0,
            "gemma3_text" => (layer + 1) % (int)Number("sliding_window_pattern") != 0,
            _ => false,
        };
    }

    private double[] Norm(double[] x, string name)
    {
        var root = Math.Sqrt((x.Sum(value => value * value) / x.Length) + Number("rms_norm_eps"));
        return [.. x.Zip(_weights[name], (value, weight) => value / root * (IsGemma ? 1 + weight : weight))];
    }

    private double[] Linear(double[] x, string name)
    {
        var y = Multiply(_weights[name + ".weight"], x);
        return _weights.TryGetValue(name + ".bias", out var bias) ? Add(y, bias) : y;
    }

    private double[] Cap(double[] values, string field) =>
        IsGemma && Has(field) ? Array.ConvertAll(values, value => Number(field) * Math.Tanh(value / Number(field))) : values;

    private static double[] Multiply(double[] matrix, double[] x) =>
        [.. Enumerable.Range(0, matrix.Length / x.Length).Select(row => Dot(matrix.AsSpan(row * x.Length, x.Length).ToArray(), x))];

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private static double[] Add(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];

    private bool Has(string field) => _config.TryGetProperty(field, out var value) && value.ValueKind != JsonValueKind.Null;

    private double Number(string field, double? absent = null) => Has(field)
        ? _config.GetProperty(field).GetDouble()
        : absent ?? throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"no {field}"));
}
